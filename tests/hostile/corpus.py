"""Bad inputs, made when they are needed: each case writes files and gives the command's words."""

from __future__ import annotations

import io
import json
import struct
import subprocess
import tempfile
import zipfile
import zlib
from collections.abc import Callable
from pathlib import Path

import numpy as np
from PIL import Image

from pose import ffmpeg

SAMPLES = Path(__file__).resolve().parents[2] / "samples"
Case = Callable[[Path], list[str]]
CASES: dict[str, Case] = {}


def picture_case(name: str, content: Callable[[], bytes], suffix: str = ".png") -> None:
    def build(folder: Path) -> list[str]:
        (folder / f"in{suffix}").write_bytes(content())
        source, output = str(folder / f"in{suffix}"), str(folder / "out" / "map.png")
        return ["annotate", source, "--kind", "canny", "-o", output]

    CASES[name] = build


def file_case(name: str, command: str, suffix: str, content: Callable[[], bytes]) -> None:
    def build(folder: Path) -> list[str]:
        (folder / f"in{suffix}").write_bytes(content())
        return [command, str(folder / f"in{suffix}"), "-o", str(folder / "out" / "made.mp4")]

    CASES[name] = build


def encoded(kind: str, size: tuple[int, int] = (160, 120)) -> bytes:
    noise = np.random.default_rng(0).integers(0, 255, (size[1], size[0], 3), dtype=np.uint8)
    stream = io.BytesIO()
    Image.fromarray(noise).save(stream, kind)
    return stream.getvalue()


def cut(content: bytes, share: float) -> bytes:
    return content[: int(len(content) * share)]


def flipped(content: bytes, seed: int, count: int = 40, spare: int = 0) -> bytes:
    random, damaged = np.random.default_rng(seed), bytearray(content)
    for place in random.integers(spare, len(content), count):
        damaged[place] ^= 1 << int(random.integers(8))
    return bytes(damaged)


def chunk(kind: bytes, content: bytes) -> bytes:
    return (
        struct.pack(">I", len(content))
        + kind
        + content
        + struct.pack(">I", zlib.crc32(kind + content))
    )


def png_bomb(width: int, height: int, colour: int = 2) -> bytes:
    """A small file that says it is a large picture, and packs a part of it."""
    head = struct.pack(">IIBBBBB", width, height, 8, colour, 0, 0, 0)
    rows = zlib.compress(bytes(10_000_000), 9)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", rows) + chunk(b"IEND", b"")


def text_bomb() -> bytes:
    """A PNG whose comment unpacks to 200 MB."""
    head = struct.pack(">IIBBBBB", 8, 8, 8, 2, 0, 0, 0)
    note = b"k\0\0" + zlib.compress(bytes(200_000_000), 9)
    body = chunk(b"IHDR", head) + chunk(b"zTXt", note) + chunk(b"IDAT", zlib.compress(b"\0"))
    return b"\x89PNG\r\n\x1a\n" + body + chunk(b"IEND", b"")


def film(
    seconds: float = 1,
    size: str = "64x48",
    rate: str = "10",
    container: str = "mp4",
    codec: str = "libx264",
) -> bytes:
    source = ["-f", "lavfi", "-i", f"color=black:s={size}:r={rate}:d={seconds}"]
    shape = ["-c:v", codec, "-preset", "ultrafast", "-pix_fmt", "yuv420p", "-f", container]
    flags = ["-movflags", "frag_keyframe+empty_moov"] if container == "mp4" else []
    with tempfile.TemporaryDirectory() as folder:  # to a pipe, some would have no whole head
        path = Path(folder) / "film"
        command = [ffmpeg.program(), "-loglevel", "error", *source, *shape, *flags, str(path)]
        subprocess.run(command, check=True)
        return path.read_bytes()


def long_film() -> bytes:
    """Ten hours of black in some kilobytes."""
    return film(seconds=36_000, rate="1/4")


def oversized_film() -> bytes:
    """A film of small JPEGs whose heads say 16,000 x 16,000."""
    small = film(container="avi", codec="mjpeg")
    return small.replace(jpeg_head(64, 48), jpeg_head(16_000, 16_000))


def endless_film() -> bytes:
    """The first bytes of an AVI that says it has 2^31 frames."""
    content = bytearray(film(container="avi", codec="mjpeg"))
    at = content.find(b"vids") + 32
    content[at : at + 4] = struct.pack("<I", 2**31 - 1)
    return bytes(content[:600])


def jpeg_head(width: int, height: int) -> bytes:
    """The start of a JPEG's frame: eight bits, and its size."""
    return b"\xff\xc0\x00\x11\x08" + struct.pack(">HH", height, width)


def sample() -> bytes:
    return (SAMPLES / "dance.mp4").read_bytes()


def tensors(head: bytes, content: bytes = b"", length: int | None = None) -> bytes:
    """A safetensors file: the length of its head, the head, and the values."""
    return struct.pack("<Q", len(head) if length is None else length) + head + content


def entry(shape: list[int], ends: list[int], kind: str = "F32") -> bytes:
    value = {"dtype": kind, "shape": shape, "data_offsets": ends}
    return json.dumps({"conv_in.weight": value}).encode()


def weights_case(name: str, content: Callable[[], bytes], suffix: str = ".safetensors") -> None:
    def build(folder: Path) -> list[str]:
        (folder / f"in{suffix}").write_bytes(content())
        output = str(folder / "out" / "made.safetensors")
        return ["convert", str(folder / f"in{suffix}"), "-o", output, "--to", "ours"]

    CASES[name] = build


def jobs_case(name: str, suffix: str, content: Callable[[], bytes]) -> None:
    def build(folder: Path) -> list[str]:
        (folder / f"in{suffix}").write_bytes(content())
        state = str(folder / "out" / "state")
        return ["batch", str(folder / f"in{suffix}"), "--dry-run", "--state", state]

    CASES[name] = build


def npz(**arrays: bytes) -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in arrays.items():
            archive.writestr(f"{name}.npy", content)
    return stream.getvalue()


def npy(shape: str, content: bytes = b"", kind: str = "<f8") -> bytes:
    head = f"{{'descr': '{kind}', 'fortran_order': False, 'shape': {shape}, }}".encode()
    head += b" " * (-(len(head) + 11) % 64) + b"\n"
    return b"\x93NUMPY\x01\0" + struct.pack("<H", len(head)) + head + content


for format_name, ending in (("PNG", ".png"), ("JPEG", ".jpg"), ("WEBP", ".webp"), ("TIFF", ".tif")):
    for part in (0.02, 0.3):
        picture_case(
            f"{format_name} cut at {part}",
            lambda kind=format_name, share=part: cut(encoded(kind), share),
            ending,
        )
for number in range(4):
    picture_case(f"PNG with flipped bits {number}", lambda n=number: flipped(encoded("PNG"), n))
    picture_case(
        f"GIF with a wrong head {number}",
        lambda n=number: flipped(encoded("GIF"), n, 300, 6)[: 700 + n],
    )
picture_case("PNG of 50,000 x 50,000", lambda: png_bomb(50_000, 50_000))
picture_case("PNG of 12,000 x 12,000 with transparency", lambda: png_bomb(12_000, 12_000, 6))
picture_case("PNG of no width", lambda: png_bomb(0, 100))
picture_case("PNG of 2^31 columns", lambda: png_bomb(2**31 - 1, 2**31 - 1))
picture_case("PNG with a text bomb", text_bomb)
picture_case("empty picture", lambda: b"")
picture_case("text as a picture", lambda: b"hello " * 100)
picture_case("zeros as a picture", lambda: bytes(4096))
picture_case("PNG signature alone", lambda: b"\x89PNG\r\n\x1a\n")
picture_case(
    "EPS that would run Ghostscript", lambda: b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n"
)
picture_case(
    "SVG with an entity bomb",
    lambda: b'<?xml version="1.0"?><!DOCTYPE a [<!ENTITY b "&b;&b;">]><svg>&b;</svg>',
)

for share in (0.001, 0.005):  # with its index whole, a cut film is read as far as it goes
    file_case(f"film cut at {share}", "pose", ".mp4", lambda s=share: cut(sample(), s))
for number in range(4):
    file_case(
        f"film with a damaged head {number}", "pose", ".mp4",
        lambda n=number: flipped(sample()[:2000], n, 200, 12),
    )  # fmt: skip
file_case("film of ten black hours", "pose", ".mp4", long_film)
file_case("film whose head says 2^31 frames", "pose", ".avi", endless_film)
file_case(
    "film of 12,000 x 12,000", "pose", ".avi",
    lambda: film(0.1, size="12000x12000", container="avi", codec="mjpeg"),
)  # fmt: skip
file_case("film that says it is 16,000 x 16,000", "pose", ".avi", oversized_film)
file_case("film of 4 x 4 pixels", "pose", ".mp4", lambda: film(size="4x4"))
file_case("film without a frame", "pose", ".mkv", lambda: film(container="matroska")[:600])
file_case("text as a film", "pose", ".mp4", lambda: b"not a film\n" * 50)
file_case("empty film", "pose", ".mp4", lambda: b"")
file_case("zeros as a film", "pose", ".mp4", lambda: bytes(100_000))
file_case("picture as a film", "pose", ".mp4", lambda: encoded("PNG"))
file_case(
    "playlist that names other files",
    "pose",
    ".mp4",
    lambda: b"#EXTM3U\n#EXTINF:1,\nfile:///etc/passwd\n",
)
file_case(
    "concat list that names other files",
    "pose",
    ".mp4",
    lambda: b"ffconcat version 1.0\nfile /etc/passwd\n",
)

HUGE = "(100000, 1000, 133, 2)"
file_case(
    "poses: zip bomb",
    "pose",
    ".npz",
    lambda: npz(keypoints=npy("(90000, 20, 133, 2)", bytes(150_000_000))),
)
file_case("poses: a lying shape", "pose", ".npz", lambda: npz(keypoints=npy(HUGE)))
file_case("poses: a negative shape", "pose", ".npz", lambda: npz(keypoints=npy("(-1, 1, 133, 2)")))
file_case("poses: objects", "pose", ".npz", lambda: npz(keypoints=npy("(1,)", b"\x80\x04.", "|O")))
file_case("poses: code as a header", "pose", ".npz", lambda: npz(keypoints=npy("__import__('os')")))
file_case("poses: nested header", "pose", ".npz", lambda: npz(keypoints=npy("(" * 5000)))
file_case("poses: nothing in it", "pose", ".npz", lambda: npz())
file_case(
    "poses: cut zip",
    "pose",
    ".npz",
    lambda: cut(npz(keypoints=npy("(1, 1, 133, 2)", bytes(2128))), 0.6),
)
file_case(
    "poses: names of other folders",
    "pose",
    ".npz",
    lambda: npz(**{"../../evil": npy("()", bytes(8))}),
)
file_case("poses: many members", "pose", ".npz", lambda: npz(**{f"a{n}": b"" for n in range(5000)}))
file_case("poses: nested JSON", "pose", ".json", lambda: b'{"people":' + b"[" * 200_000)
file_case(
    "poses: JSON of numbers that are none",
    "pose",
    ".json",
    lambda: b'{"people": [{"pose_keypoints_2d": [NaN, 1e999, 3]}]}',
)
file_case(
    "poses: huge numbers in JSON", "pose", ".json", lambda: b'{"people": [' + b"9" * 100_000 + b"]}"
)
file_case(
    "poses: JSON of another thing", "pose", ".json", lambda: json.dumps({"a": [1] * 50}).encode()
)
file_case("poses: not UTF-8", "pose", ".json", lambda: b"\xff\xfe{" * 40)

weights_case("weights: a head of 2^63 bytes", lambda: tensors(b"{}", length=2**63))
weights_case("weights: a head of 4 GB", lambda: tensors(b"{}", length=2**32))
weights_case(
    "weights: values that are not there", lambda: tensors(entry([10**6, 10**6], [0, 4 * 10**12]))
)
weights_case("weights: a shape that does not fit", lambda: tensors(entry([4, 4], [0, 8]), bytes(8)))
weights_case("weights: ends before they begin", lambda: tensors(entry([2], [8, 0]), bytes(8)))
weights_case("weights: an unknown type", lambda: tensors(entry([2], [0, 8], "X9"), bytes(8)))
weights_case("weights: nested head", lambda: tensors(b"[" * 100_000))
weights_case("weights: cut head", lambda: tensors(entry([2], [0, 8]))[:20])
weights_case("weights: empty", lambda: b"")
weights_case("weights: a pickle by that name", lambda: b"\x80\x04cos\nsystem\n(X\x02\0\0\0lstR.")

ALIASES = b"a0: &a0 [x, x]\n" + b"".join(
    b"a%d: &a%d [*a%d, *a%d, *a%d, *a%d]\n" % (n, n, *(4 * [n - 1])) for n in range(1, 30)
)
jobs_case("jobs: YAML aliases that multiply", ".yaml", lambda: ALIASES)
jobs_case("jobs: aliases as a job", ".yaml", lambda: ALIASES + b"jobs: *a29\n")
jobs_case("jobs: nested YAML", ".yaml", lambda: b"[" * 50_000)
jobs_case("jobs: a YAML object", ".yaml", lambda: b"!!python/object/apply:os.system [ls]\n")
jobs_case("jobs: nested JSON", ".jsonl", lambda: b'{"driving": ' + b"[" * 200_000 + b"\n")
jobs_case("jobs: not UTF-8", ".csv", lambda: b"driving,ref\n\xff\xfe,\x80\n")
jobs_case("jobs: nothing", ".yaml", lambda: b"")
jobs_case("jobs: a long CSV field", ".csv", lambda: b"driving,ref\n" + b"a" * 10_000_000)
