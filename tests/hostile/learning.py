"""Bad inputs of training and of what it leaves: data sets, states, LoRA files, models' folders."""

from __future__ import annotations

import functools
import json
import os
import pickle
import shutil
import sqlite3
import struct
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tests.hostile.corpus import ALIASES, CASES, entry, tensors

GOOD_ROW: dict[str, Any] = {
    "name": "a-1", "clip": "clips/a-1.mp4", "poses": "poses/a-1.npz", "width": 64, "height": 48,
    "frames": 20, "fps": 10.0, "source": "a.mp4", "start": 0.0, "stop": 2.0,
}  # fmt: skip
PACKED = {"shard": "shards/000000.tar", "clip": "a.mp4", "poses": "a.npz"}


class Evil:
    """Runs a command when it is unpickled, which leaves a file."""

    def __reduce__(self) -> tuple[Any, tuple[str]]:
        return os.system, ("touch evil_was_here",)


def call_case(name: str, call: str, place: str, content: Callable[[], bytes]) -> None:
    """A file at a place in a folder, and a call on the folder, or on the file if place is one."""

    def build(folder: Path) -> list[str]:
        path = folder / place
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content())
        return ["call", call, str(folder / place.split("/")[0])]

    CASES[name] = build


def index_case(title: str, /, *, tar: bytes = b"", **changes: Any) -> None:
    """A data set with one row, in which some values are bad."""

    def build(folder: Path) -> list[str]:
        (folder / "set" / "shards").mkdir(parents=True, exist_ok=True)
        (folder / "set" / "shards" / "000000.tar").write_bytes(tar)
        line = json.dumps({**GOOD_ROW, **changes})
        (folder / "set" / "index.jsonl").write_text(line + "\n")
        return ["call", "draw_sample", str(folder / "set")]

    CASES[f"data set: {title}"] = build


def state_case(name: str, file: str, content: Callable[[bytes], bytes]) -> None:
    """A training run's checkpoint, of which one file is bad."""

    def build(folder: Path) -> list[str]:
        run = folder / "run"
        shutil.copytree(good_run(), run, dirs_exist_ok=True)
        path = run / "checkpoints" / "step-00000002" / file
        path.write_bytes(content(path.read_bytes()))
        return ["call", "resume", str(run)]

    CASES[f"training state: {name}"] = build


@functools.cache
def good_run() -> Path:
    """A run of two steps, which would go on."""
    from tests.animate.training.toy import SETTINGS, LinearTask, NoiseSource, replace, train

    folder = Path(tempfile.mkdtemp(prefix="run_"))
    train(LinearTask(), NoiseSource(), replace(SETTINGS, steps=2), folder)
    return folder


def config_case(name: str, content: Callable[[], bytes]) -> None:
    def build(folder: Path) -> list[str]:
        (folder / "in.yaml").write_bytes(content())
        return ["train", str(folder / "in.yaml")]

    CASES[f"settings: {name}"] = build


def encoder_case(title: str, config: dict[str, Any] | bytes, index: bytes | None = None) -> None:
    """A control encoder's folder with lying settings, or an index in place of its weights."""

    def build(folder: Path) -> list[str]:
        given = folder / "given"
        given.mkdir(exist_ok=True)
        own = {"_class_name": "ControlNeXt"}
        said = config if isinstance(config, bytes) else json.dumps(own | config).encode()
        (given / "config.json").write_bytes(said)
        name = "diffusion_pytorch_model.safetensors"
        content = tensors(entry([2], [0, 8]), bytes(8)) if index is None else index
        (given / (name if index is None else f"{name}.index.json")).write_bytes(content)
        output = str(folder / "out" / "made.safetensors")
        return ["convert", str(given), "-o", output, "--to", "ours"]

    CASES[f"encoder: {title}"] = build


def database(figures: str, job: str = "{}") -> bytes:
    """A batch's state with one job that is done."""
    from animate.batch.store import TABLE

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "state.sqlite"
        base = sqlite3.connect(path)
        base.execute(TABLE)
        values = ("a.mp4", 0, 1, "", job, "done", figures)
        base.execute(
            "insert into jobs (output, position, line, content, job, state, figures) "
            "values (?, ?, ?, ?, ?, ?, ?)", values,
        )  # fmt: skip
        base.commit()
        base.close()
        return path.read_bytes()


index_case("a clip outside", clip="../../../etc/passwd")
index_case("a clip by its whole path", clip="/etc/passwd")
index_case("a control map outside", controls={"depth": "../x.mp4"})
index_case("a shard outside", shard="../secret.tar", members={"clips/a-1.mp4": [0, 9]})
index_case("a name that leaves its tar", name="../../a")
index_case("a member longer than its shard", **PACKED, members={"a.mp4": [0, 1 << 45]})
index_case("a member before its shard", **PACKED, members={"a.mp4": [-5, 9]})
index_case("a member that is not listed", **PACKED, members={})
index_case("a shard that is no tar", tar=b"x" * 99, **PACKED,
           members={"a.mp4": [0, 99], "a.npz": [0, 99]})  # fmt: skip
index_case("a clip that is not there")
index_case("frames without end", frames=10**15)
index_case("a picture without end", width=10**12)
index_case("a rate that is none", fps=float("nan"))
index_case("no frames", frames=0)
index_case("members that are none", members=[1, 2])
index_case("a number as a path", clip=7)
for title, lines in {
    "nested JSON": b'{"name": ' + b"[" * 200_000,
    "not UTF-8": b"\xff\xfe\x00",
    "a list as a row": b"[1, 2, 3]\n",
    "a number of a hundred thousand digits": b'{"name": ' + b"9" * 100_000 + b"}",
}.items():
    call_case(f"data set: {title}", "draw_sample", "set/index.jsonl", lambda lines=lines: lines)  # type: ignore[misc]
call_case("data set: notes that are none", "read_notes", "a.json", lambda: b'[{"breaches": 3}]')
call_case("data set: nested notes", "read_notes", "b.json", lambda: b"[" * 200_000)

for part in ("average_0.pt", "optimizer.bin"):
    state_case(f"code in {part}", part, lambda content: pickle.dumps(Evil()))
    state_case(f"{part} cut off", part, lambda content: content[: len(content) // 2])
state_case("other tensors", "average_0.pt", lambda content: pickle.dumps({"a": 1}))
state_case(
    "weights with a lying head", "model.safetensors", lambda content: tensors(b"{}", length=1 << 62)
)
state_case("weights cut off", "model.safetensors", lambda content: content[:-8])
state_case("progress that is none", "progress.json", lambda content: b"[]")
state_case("progress without a step", "progress.json", lambda content: b'{"identity": {}}')
state_case("nested progress", "progress.json", lambda content: b"[" * 200_000)

config_case("aliases that multiply", lambda: ALIASES)
config_case("merges that multiply", lambda: merges())
config_case("nested", lambda: b"[" * 20_000)
config_case("an object", lambda: b"!!python/object/apply:os.system [touch evil_was_here]\n")
config_case("a date that is none", lambda: b"output: 2020-99-99\n")
config_case("a whole number without end", lambda: b"output: a\ndata: 1\nloop: {steps: 1e999}\n")
config_case("not UTF-8", lambda: b"\xff\xfe\x00\x01")
config_case("two megabytes", lambda: b"# " + b"x" * (2 << 20))
config_case("keys that are none", lambda: b"[1, 2]: 3\n{a: b}: 4\n")

encoder_case("a stem of a million channels", {"stem_channels": [10**6, 10**6, 10**6]})
encoder_case("blocks of no channels", {"block_channels": [0, 0]})
encoder_case("words for numbers", {"block_channels": "many"})
encoder_case("a site that is none", {"site": {"module": "x", "evil": 1}})
encoder_case("nested settings", b"[" * 200_000)
encoder_case("a list of settings", b"[1]")
encoder_case("an index that leads out", {}, b'{"weight_map": {"a": "../../secret.safetensors"}}')
encoder_case("an index that is none", {}, b'{"weight_map": 3}')

LORA = {
    "a head of 2^62 bytes": lambda: tensors(b"{}", length=1 << 62),
    "values that are not there": lambda: tensors(entry([10**6, 10**6], [0, 4 * 10**12])),
    "weights of another model": lambda: tensors(entry([2], [0, 8]), bytes(8)),
    "a rank that fits nothing": lambda: lora([3, 7], [5, 2]),
    "no rank": lambda: lora([0, 32], [32, 0]),
    "half of a pair": lambda: lora([4, 32], None),
    "empty": lambda: b"",
    "a pickle by that name": lambda: pickle.dumps(Evil()),
}
for title, content in LORA.items():
    call_case(f"LoRA: {title}", "add_lora", "lora.safetensors", content)
call_case("LoRA: a pickle", "add_lora", "lora.bin", lambda: pickle.dumps(Evil()))

HEADS = {"a head of 2^62 bytes": tensors(b"{}", length=1 << 62), "empty": b"",
         "nested": tensors(b"[" * 100_000), "shapes that are none":
         tensors(b'{"a": {"shape": "x"}}')}  # fmt: skip
for title, weights in HEADS.items():
    call_case(f"model's folder: {title}", "foresee", "model/unet/a.safetensors",
              lambda weights=weights: weights)  # type: ignore[misc]  # fmt: skip
call_case("model's folder: settings that are none", "foresee", "model/vae/config.json",
          lambda: b'{"latent_channels": "x"}')  # fmt: skip

JOB = json.dumps({"line": 1, "driving": "a", "ref": "b", "output": "a.mp4", "words": []})
call_case("batch's state: no database", "read_state", "s/state.sqlite", lambda: b"no" * 5000)
call_case("batch's state: cut off", "read_state", "s/state.sqlite", lambda: database("{}")[:5000])
call_case(
    "batch's state: a job that is none", "read_state", "s/state.sqlite", lambda: database("{}")
)
call_case("batch's state: nested figures", "read_state", "s/state.sqlite",
          lambda: database("[" * 200_000))  # fmt: skip
call_case("batch's state: figures that are none", "read_state", "s/state.sqlite",
          lambda: database('{"motion": 3, "findings": 7}', JOB))  # fmt: skip


def merges() -> bytes:
    """Mappings, each with several of the one before merged into it."""
    lines = [b"a0: &a0 {x: 1}"]
    lines += [
        b"a%d: &a%d {<<: [%s]}" % (n, n, b", ".join([b"*a%d" % (n - 1)] * 9)) for n in range(1, 20)
    ]
    return b"\n".join(lines)


def lora(down: list[int], up: list[int] | None) -> bytes:
    """A pair of matrices for one of the UNet's layers, of these shapes."""
    layer = "unet.down_blocks.1.attentions.0.transformer_blocks.0.attn1.to_q"
    head: dict[str, Any] = {}
    end = 0
    for kind, shape in (("lora_A", down), ("lora_B", up)):
        if shape is not None:
            size = 4 * shape[0] * shape[1]
            head[f"{layer}.{kind}.weight"] = {
                "dtype": "F32", "shape": shape, "data_offsets": [end, end + size],
            }  # fmt: skip
            end += size
    encoded = json.dumps(head).encode()
    return struct.pack("<Q", len(encoded)) + encoded + bytes(end)
