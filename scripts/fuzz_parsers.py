"""Do the parsers of files from outside ever fail in another way than with an error of their own?

python scripts/fuzz_parsers.py                        # a minute
python scripts/fuzz_parsers.py --minutes 10 --seed 3
python scripts/fuzz_parsers.py --target poses_npz --keep found/

Good files are damaged at random (bits, cuts, repeats, splices, numbers and words that hurt) and
read, in one forked process for each hundred, so that a crash or a hang is seen too. What raises
anything but an error of the project's own, takes more than five seconds of a core or 1.5 GiB, or
ends the process, is kept. The last line is one JSON object; "pass": there was none of that.
"""

from __future__ import annotations

import argparse
import io
import json
import os
import random
import resource
import struct
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

Target = tuple[str, list[bytes], Callable[[Path], object]]  # suffix, good files, parser

BATCH = 100  # inputs that one process reads
SECONDS, BYTES = 5, 3 << 29  # of a core, for one input; address space grows less than RSS limits
# What hurts parsers: ends of ranges, no numbers, other types, traversal, nests.
WORDS = (
    b"-1", b"0", b"NaN", b"1e999", b"9" * 30, b"null", b"true", b'""', b"[]", b"{}", b"[[[[",
    b"{\"a\":", b"../../x", b"/etc/passwd", b"\\u0000", b"\xff\xfe", b"*a", b"&a", b"<<: *a",
    b"!!python/object:x.y", b"2020-99-99", b",,,", b"\n", b"\"", b"'", b"{driving}", b"{ref!r}",
    b"0x10", b"1_0", b".inf", b"\x00",
)  # fmt: skip
EDGES = (0, 1, 2**31 - 1, 2**31, 2**32 - 1, 2**62, 2**63, 2**64 - 1)


def damage(content: bytes, others: list[bytes], rng: random.Random) -> bytes:
    """A file with one to six faults."""
    data = bytearray(content)
    for _ in range(rng.randint(1, 6)):
        at = rng.randrange(len(data) + 1)
        end = min(len(data), at + rng.choice((1, 2, 4, 8, 32, 256)))
        match rng.randrange(8):
            case 0 if at < len(data):
                data[at] ^= 1 << rng.randrange(8)
            case 1:
                del data[at:end]
            case 2:
                data[at:at] = data[at:end] * rng.choice((1, 2, 50))
            case 3:
                data[at:end] = rng.choice(WORDS)
            case 4:
                data[at:at] = rng.choice(WORDS)
            case 5:
                size = rng.choice((2, 4, 8))
                number = rng.choice(EDGES) % (1 << (8 * size))
                data[at : at + size] = number.to_bytes(size, rng.choice(("little", "big")))
            case 6:
                other = rng.choice(others)
                start = rng.randrange(len(other) + 1)
                data[at:end] = other[start : start + rng.choice((4, 64, 512))]
            case _:
                del data[at:]
    return bytes(data[: 1 << 20])


def targets() -> dict[str, Target]:
    """What is fuzzed: the parsers that the project owns, each with small good files."""
    return {
        **pose_targets(), **film_targets(), **list_targets(), **weight_targets(),
        **training_targets(),
    }  # fmt: skip


def pose_targets() -> dict[str, Target]:
    import numpy as np

    from pose.files import load_poses, read_poses, save_openpose, save_poses
    from pose.skeleton import COUNT, PoseSequence

    rng = np.random.default_rng(0)
    poses = PoseSequence(
        keypoints=rng.uniform(0, 60, (2, 1, COUNT, 2)), scores=np.full((2, 1, COUNT), 0.9),
        size=(64, 48), fps=10.0,
    )  # fmt: skip
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        save_poses(folder / "a.npz", poses)
        save_openpose(folder / "json", poses)
        packed = (folder / "a.npz").read_bytes()
        with np.load(folder / "a.npz") as arrays:
            stream = io.BytesIO()
            np.savez(stream, **arrays)
        frame = sorted((folder / "json").iterdir())[0].read_bytes()
    small = b'[{"people": [{"pose_keypoints_2d": [1, 2, 0.5]}], "canvas_width": 64}]'
    return {
        "poses_npz": (".npz", [packed, stream.getvalue()], load_poses),
        "openpose_json": (".json", [frame, b"[" + frame + b"]", small], read_poses),
    }


def film_targets() -> dict[str, Target]:
    """Films are read by decord, which can end the process: what we refuse before must be enough."""
    from pose.ffmpeg import program
    from pose.video import _spans

    found: dict[str, Target] = {}
    with tempfile.TemporaryDirectory() as name:
        for suffix, codec in ((".mp4", "libx264"), (".mkv", "libx264"), (".avi", "mjpeg")):
            path = Path(name) / f"a{suffix}"
            source = ["-f", "lavfi", "-i", "testsrc=size=32x32:rate=10:duration=0.5"]
            shape = ["-c:v", codec, "-pix_fmt", "yuvj420p", "-q:v", "31", str(path)]
            subprocess.run([program(), "-v", "quiet", *source, *shape], check=True)
            found[f"film_{suffix[1:]}"] = (suffix, [path.read_bytes()], _spans)
    return found


def list_targets() -> dict[str, Target]:
    from animate.batch.expand import expand
    from animate.batch.manifest import read_manifest
    from animate.training.config import load_settings
    from animate.training.prepare.captions import read_captions

    def jobs(path: Path) -> None:
        for job in expand(read_manifest(path))[0][:50]:
            _ = job.settings

    row = b'{"driving": "a.mp4", "ref": "b.png", "out": "{driving}/{ref}.mp4", "steps": 2}'
    lists = {
        ".yaml": b"defaults: {steps: 2, no-audio: true, guidance: 1:3}\njobs:\n"
        b"  - {drivings: [a.mp4, b.mp4], refs: x.png, out: 'r/{ref}_{driving}.mp4', lora: [a]}\n"
        b"  - driving: &a c.mp4\n    ref: *a\n    size: 64x96\n",
        ".jsonl": b'{"defaults": {"fps": 12}}\n' + row + b"\n" + row + b"\n",
        ".csv": b'driving,ref,out,seed\na.mp4,b.png,"r/{driving}.mp4",1\nb.mp4,b.png,,\n',
    }
    config = b"""output: runs/a
model: {base: mini, method: lora, rank: 4}
data: {dataset: sets/a, frames: 8, sizes: [64x96, [96, 64]], fps: 1e1}
loss: {sigma_min: 1e-3}
loop: {steps: 100, batch: 2, rate: 1e-4, device: cpu}
"""
    told = b'{"file": "a.mp4", "caption": "walks"}\n{"video": "b.mp4", "text": "runs"}\n'
    found: dict[str, Target] = {
        f"jobs_{suffix[1:]}": (suffix, [text], jobs) for suffix, text in lists.items()
    }
    found["settings"] = (".yaml", [config], load_settings)
    found["captions"] = (".jsonl", [told], read_captions)
    return found


def weight_targets() -> dict[str, Target]:
    import torch

    from animate import footprint
    from animate.batch.record import record_from
    from animate.journal import Journal, Standing, _read_latents, _safetensors
    from temporal.checkpoints import load_controlnext, read_unet, save_controlnext
    from temporal.controlnext import ControlNeXt

    encoder = ControlNeXt(
        stem_channels=(4, 4, 8), block_channels=(8,), block_groups=(2,), out_channels=8
    )
    with tempfile.TemporaryDirectory() as name:
        save_controlnext(encoder, Path(name) / "a.safetensors")
        weights = (Path(name) / "a.safetensors").read_bytes()
    latents = b"".join(
        _safetensors(
            Standing(2, torch.zeros(1, 2, 4, 3, 2), torch.zeros(16, dtype=torch.uint8)),
            {"step": "2", "settings": "{}"},
        )
    )
    job = {"line": 1, "driving": "a", "ref": "b", "output": "c.mp4", "words": []}
    record = {
        "output": "c.mp4", "position": 0, "line": 1, "job": json.dumps(job), "state": "done",
        "attempts": 1, "losses": 0, "error": None, "passing": 0, "seconds": 1.0, "frames": 2,
        "replaces": None, "began": 1, "figures": '{"motion": {"body": 0.5}, "verdict": "good"}',
    }  # fmt: skip

    def journal(path: Path) -> None:
        _read_latents_told(path, _read_latents)
        (path.parent / "inputs.json").write_bytes(path.read_bytes())
        Journal(path.parent).begin({"seed": 1})

    def row(path: Path) -> None:
        """As Store.records does: its complaint covers these."""
        try:
            record_from(json.loads(path.read_bytes()))
        except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
            return

    return {
        "encoder": (".safetensors", [weights], load_controlnext),
        "unet_part": (".safetensors", [weights], read_unet),
        "weights_head": (".safetensors", [weights], footprint.count_weights),
        "journal": (".safetensors", [latents], journal),
        "record": (".json", [json.dumps(record).encode()], row),
    }


def _read_latents_told(path: Path, read: Callable[[Path], object]) -> None:
    """As Journal.standing does: whatever is wrong, the run starts afresh."""
    try:
        read(path)
    except Exception:
        return


def training_targets() -> dict[str, Target]:
    from animate.training.prepare.entry import read_entries
    from animate.training.prepare.index import FILE, read_index
    from animate.training.prepare.plan import _noted

    values: Mapping[str, object] = {
        "name": "a-1", "clip": "clips/a-1.mp4", "poses": "poses/a-1.npz", "width": 64,
        "height": 48, "frames": 20, "fps": 10.0, "source": "a.mp4", "start": 0.0, "stop": 2.0,
        "controls": {"depth": "controls/depth/a-1.mp4"}, "shard": "shards/000000.tar",
        "members": {"clips/a-1.mp4": [512, 100]},
    }  # fmt: skip
    line = json.dumps(values).encode()
    entry = {"name": "a-1", "source": "a.mp4", "row": values, "breaches": [
        {"rule": "blur", "value": 0.7, "limit": 0.6}]}  # fmt: skip

    def index(path: Path) -> None:
        path.rename(path.with_name(FILE))
        read_index(path.parent)

    return {
        "index": (".jsonl", [line + b"\n" + line + b"\n"], index),
        "notes": (".json", [json.dumps([entry]).encode()], read_entries),
        "plan": (".json", [b'{"version": 1, "limits": {"blur": 0.6}, "fps": null}'], _noted),
    }


def expected() -> tuple[type[BaseException], ...]:
    """The project's own errors."""
    from animate.errors import AnimateError
    from pose.errors import PoseError
    from temporal.errors import TemporalError

    return AnimateError, PoseError, TemporalError


def read_all(target: Target, inputs: list[bytes], told: int) -> None:
    """In a process of its own: read each input, and write its number before and its fault after."""
    suffix, _, parse = target
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    own = expected()
    sys.stderr = open(os.devnull, "w")  # noqa: SIM115
    with tempfile.TemporaryDirectory() as name:
        for number, content in enumerate(inputs):
            folder = Path(name) / str(number)
            folder.mkdir()
            path = folder / f"in{suffix}"
            path.write_bytes(content)
            os.write(told, struct.pack("<ii", number, 0))
            used = resource.getrusage(resource.RUSAGE_SELF)
            limit = int(used.ru_utime + used.ru_stime) + SECONDS + 1
            resource.setrlimit(resource.RLIMIT_CPU, (limit, limit))
            try:
                parse(path)
            except own:
                pass
            except BaseException as error:
                text = f"{type(error).__name__}: {error}"[:300].encode()
                os.write(told, struct.pack("<ii", number, len(text)) + text)
    used = resource.getrusage(resource.RUSAGE_SELF)
    if used.ru_maxrss * 1024 > BYTES:
        text = f"{used.ru_maxrss >> 10} MB of memory".encode()
        os.write(told, struct.pack("<ii", -1, len(text)) + text)


def attempt(target: Target, inputs: list[bytes]) -> tuple[dict[int, str], int]:
    """The faults by number, and how many inputs were read before the process ended."""
    receive, send = os.pipe()
    child = os.fork()
    if not child:
        os.close(receive)
        read_all(target, inputs, send)
        os._exit(0)
    os.close(send)
    with os.fdopen(receive, "rb") as stream:
        content = stream.read()
    _, status = os.waitpid(child, 0)
    faults: dict[int, str] = {}
    last, at = 0, 0
    while at < len(content):
        number, length = struct.unpack_from("<ii", content, at)
        at += 8 + length
        last = max(last, number)
        if length:
            faults[number] = content[at - length : at].decode(errors="replace")
    if code := os.waitstatus_to_exitcode(status):
        faults[last] = f"ended the process: {code}"
        return faults, last + 1
    return faults, len(inputs)


def fuzz(name: str, target: Target, seconds: float, seed: int, keep: Path) -> tuple[int, list[str]]:
    """How many inputs were read in so many seconds, and what was found, one of a kind."""
    rng = random.Random(f"{name} {seed}")
    end, count = time.monotonic() + seconds, 0
    found: dict[str, bytes] = {}
    suffix, good, _ = target
    while time.monotonic() < end and len(found) < 20:
        inputs = [damage(rng.choice(good), good, rng) for _ in range(BATCH)]
        faults, done = attempt(target, inputs)
        count += done
        for number, text in faults.items():
            found.setdefault(text.partition(":")[0] + text[-60:], inputs[max(0, number)])
    lines = []
    for number, (text, content) in enumerate(found.items()):
        keep.mkdir(parents=True, exist_ok=True)
        path = keep / f"{name}_{seed}_{number}{suffix}"
        path.write_bytes(content)
        lines.append(f"{path}: {text}")
    return count, lines


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--minutes", type=float, default=1.0, help="for all targets together")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--target", help="one alone")
    parser.add_argument("--keep", type=Path, default=Path("fuzz_found"), help="where finds go")
    arguments = parser.parse_args()
    chosen = targets()
    if arguments.target:
        chosen = {arguments.target: chosen[arguments.target]}
    counts, finds = {}, []
    for name, target in chosen.items():
        seconds = arguments.minutes * 60 / len(chosen)
        counts[name], found = fuzz(name, target, seconds, arguments.seed, arguments.keep)
        print(f"{name:<16}{counts[name]:>8} inputs, {len(found)} finds", flush=True)
        print("".join(f"  {line}\n" for line in found), end="", flush=True)
        finds += found
    print(json.dumps({"inputs": counts, "total": sum(counts.values()), "finds": len(finds),
                      "seed": arguments.seed, "pass": not finds}))  # fmt: skip
    return 1 if finds else 0


if __name__ == "__main__":
    sys.exit(main())
