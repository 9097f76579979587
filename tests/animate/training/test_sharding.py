"""FSDP over two CPU processes, against one process with the doubled batch."""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
import yaml

from animate.cli import main
from animate.training.loop import LOG, train
from temporal.tensorfiles import read_tensors
from tests.animate.training.spread import WEIGHTS
from tests.animate.training.toy import SETTINGS, LinearTask, NoiseSource

fsdp = pytest.importorskip("torch.distributed.fsdp")
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not hasattr(fsdp, "fully_shard"), reason="FSDP 2 needs torch 2.6"),
    pytest.mark.skipif(torch.cuda.is_available(), reason="accelerate would take the GPUs"),
]
# What `accelerate launch` makes of the file in docs/training.md.
FSDP = {
    "ACCELERATE_USE_FSDP": "true",
    "FSDP_VERSION": "2",
    "FSDP_AUTO_WRAP_POLICY": "TRANSFORMER_BASED_WRAP",
    "FSDP_TRANSFORMER_CLS_TO_WRAP": "BasicTransformerBlock",
}
BARE = {"ACCELERATE_USE_FSDP": "true", "FSDP_VERSION": "2"}


def spread(what: Path, launched: Mapping[str, str]) -> subprocess.CompletedProcess[str]:
    root = Path(__file__).parents[3]
    words = ["-m", "torch.distributed.run", "--standalone", "--nproc_per_node=2"]
    words += [str(Path(__file__).with_name("spread.py")), str(what)]
    environment = {**os.environ, "PYTHONPATH": str(root), "OMP_NUM_THREADS": "1", **launched}
    command = [sys.executable, *words]
    return subprocess.run(command, env=environment, capture_output=True, text=True, timeout=280)


def done(what: Path, launched: Mapping[str, str]) -> None:
    process = spread(what, launched)
    assert process.returncode == 0, process.stderr[-2000:]


def losses_of(folder: Path) -> list[float]:
    return [json.loads(line)["loss"] for line in (folder / LOG).read_text().splitlines()]


@pytest.mark.parametrize("form", ["SHARDED_STATE_DICT", "FULL_STATE_DICT"])
def test_spread_weights_learn_as_whole_ones_and_resume_bit_for_bit(
    tmp_path: Path, form: str
) -> None:
    launched = {**BARE, "FSDP_STATE_DICT_TYPE": form}
    settings = replace(SETTINGS, steps=4, batch=4, accumulate=2)
    alone = train(LinearTask(), NoiseSource(), settings, tmp_path / "alone")
    folder = tmp_path / "spread"
    done(folder, launched)
    assert losses_of(folder) == pytest.approx(alone.losses, rel=1e-6)
    once = torch.load(folder / WEIGHTS)
    assert set(once) == set(alone.weights)
    for name, value in alone.weights.items():
        torch.testing.assert_close(once[name], value)

    shutil.rmtree(folder / "checkpoints" / "step-00000004")
    log = (folder / LOG).read_text()
    done(folder, launched)
    assert (folder / LOG).read_text() == log
    again = torch.load(folder / WEIGHTS)
    assert all(torch.equal(value, again[name]) for name, value in once.items())


def config_of(folder: Path, dataset: Path, base: Path, **loop: Any) -> Path:
    folder.mkdir()
    settings = {"rate": 2e-3, "warm_up": 1, "device": "cpu", "steps": 3, "save_every": 2, **loop}
    values = {
        "output": str(folder / "run"),
        "model": {"base": str(base), "trainable": "to_out"},
        "data": {"dataset": str(dataset), "sizes": ["64x96"], "frames": 2},
        "loop": settings,
        "export": {"number": "fp32"},
    }
    file = folder / "run.yaml"
    file.write_text(yaml.safe_dump(values))
    return file


def unet_of(folder: Path) -> dict[str, torch.Tensor]:
    (file,) = (folder / "run" / "result" / "model" / "unet").glob("*.safetensors")
    return read_tensors(file)


@pytest.mark.parametrize(("precision", "near"), [("no", 2e-5), ("bf16", 2e-3)])
def test_a_model_of_which_a_part_learns_is_exported_whole(
    toy_dataset: Path, tiny_model: Path, tmp_path: Path, precision: str, near: float
) -> None:
    folders = [tmp_path / "alone", tmp_path / "spread"]
    alone, together = (
        config_of(folder, toy_dataset, tiny_model, precision=precision, accumulate=2, batch=batch)
        for folder, batch in zip(folders, (2, 1), strict=True)
    )
    assert main(["train", "--quiet", str(alone)]) == 0
    done(together, FSDP)
    losses, others = (losses_of(folder / "run") for folder in folders)
    assert others == pytest.approx(losses, rel=near)
    one, other = (unet_of(folder) for folder in folders)
    base = read_tensors(next((tiny_model / "unet").glob("*.safetensors")))
    moved = {name for name, value in other.items() if not torch.equal(value, base[name].float())}
    assert set(one) == set(other) == set(base)
    assert moved
    assert all("to_out" in name for name in moved)
    for name, value in one.items():
        torch.testing.assert_close(other[name], value, rtol=near, atol=1e-5)
