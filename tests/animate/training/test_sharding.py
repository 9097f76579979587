"""FSDP over two CPU processes, against one process with the doubled batch."""

import json
import os
import resource
import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
import yaml
from accelerate import DeepSpeedPlugin, FullyShardedDataParallelPlugin

from animate.cli import main
from animate.errors import UsageError
from animate.training.loop import LOG, train
from animate.training.sharding import settle_deepspeed, settle_fsdp
from temporal.tensorfiles import read_tensors
from tests.animate.training.spread import TOY, WEIGHTS
from tests.animate.training.toy import SETTINGS, LinearTask, NoiseSource

fsdp = pytest.importorskip("torch.distributed.fsdp")
pytestmark = pytest.mark.skipif(not hasattr(fsdp, "fully_shard"), reason="FSDP 2 needs torch 2.6")
on_cpu = pytest.mark.skipif(torch.cuda.is_available(), reason="accelerate would take the GPUs")
FSDP = {  # as `accelerate launch` sets them, where nothing else is said
    "ACCELERATE_USE_FSDP": "true",
    "FSDP_VERSION": "2",
    "FSDP_CPU_RAM_EFFICIENT_LOADING": "true",
    "FSDP_SYNC_MODULE_STATES": "true",
    "FSDP_USE_ORIG_PARAMS": "true",
}
DOCUMENTED = {  # what docs/training.md says beyond that
    "FSDP_CPU_RAM_EFFICIENT_LOADING": "false",
    "FSDP_AUTO_WRAP_POLICY": "TRANSFORMER_BASED_WRAP",
    "FSDP_TRANSFORMER_CLS_TO_WRAP": "BasicTransformerBlock",
}


def launch(what: Path, *words: str, room: int | None = None, **launched: str) -> Any:
    """Two processes; room: bytes of a file, beyond which the disk is full."""

    def limit() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (room, room))

    command = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc_per_node=2"]
    command += [str(Path(__file__).with_name("spread.py")), str(what), *words]
    root = str(Path(__file__).parents[3])
    environment = {**os.environ, "PYTHONPATH": root, "OMP_NUM_THREADS": "1", **FSDP, **launched}
    return subprocess.run(
        command,
        env=environment,
        preexec_fn=limit if room else None,
        capture_output=True,
        text=True,
        timeout=280,
    )


def done(what: Path, *words: str, **launched: str) -> None:
    process = launch(what, *words, **launched)
    assert process.returncode == 0, process.stderr[-2000:]


def losses_of(folder: Path) -> list[float]:
    return [json.loads(line)["loss"] for line in (folder / LOG).read_text().splitlines()]


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


@pytest.mark.slow
@on_cpu
@pytest.mark.parametrize("form", ["SHARDED_STATE_DICT", "FULL_STATE_DICT"])
def test_spread_weights_learn_as_whole_ones_and_resume_bit_for_bit(
    tmp_path: Path, form: str
) -> None:
    alone = train(LinearTask(), NoiseSource(), TOY, tmp_path / "alone")
    folder = tmp_path / "spread"
    done(folder, "no", FSDP_STATE_DICT_TYPE=form)
    assert losses_of(folder) == pytest.approx(alone.losses, rel=1e-6)
    once = torch.load(folder / WEIGHTS)
    assert set(once) == set(alone.weights)
    for name, value in alone.weights.items():
        torch.testing.assert_close(once[name], value)

    shutil.rmtree(folder / "checkpoints" / "step-00000004")
    log = (folder / LOG).read_text()
    done(folder, "no", FSDP_STATE_DICT_TYPE=form)
    assert (folder / LOG).read_text() == log
    again = torch.load(folder / WEIGHTS)
    assert all(torch.equal(value, again[name]) for name, value in once.items())


@pytest.mark.slow
@on_cpu
def test_precision_is_that_of_whole_weights(tmp_path: Path) -> None:
    first = {}
    for precision in ("no", "bf16"):
        settings = replace(TOY, precision=precision, steps=1)
        first[precision] = train(LinearTask(), NoiseSource(), settings, tmp_path / precision).losses
    done(tmp_path / "spread", "bf16")
    assert losses_of(tmp_path / "spread")[0] == pytest.approx(first["bf16"][0], rel=1e-6)
    assert first["bf16"][0] != pytest.approx(first["no"][0], rel=1e-5)


@pytest.mark.slow
@on_cpu
def test_a_full_disk_ends_all_processes_with_the_reason(tmp_path: Path) -> None:
    process = launch(tmp_path, "no", room=1000)
    assert process.returncode == 1
    assert "step 2: the checkpoint cannot be written to" in process.stderr
    assert list((tmp_path / "checkpoints").iterdir()) == []


@pytest.mark.slow
@on_cpu
def test_layers_that_the_model_has_not_are_one_line(
    toy_dataset: Path, tiny_model: Path, tmp_path: Path
) -> None:
    config = config_of(tmp_path / "run", toy_dataset, tiny_model)
    process = launch(config, **{**DOCUMENTED, "FSDP_TRANSFORMER_CLS_TO_WRAP": "NoSuchBlock"})
    told = [line for line in process.stderr.splitlines() if line.startswith("animate train: ")]
    assert "as configured: Could not find the transformer layer class NoSuchBlock" in told[0]


def test_flattened_weights_are_refused() -> None:
    with pytest.raises(UsageError, match=r"FSDP version 1 .* set fsdp_version: 2$"):
        settle_fsdp(FullyShardedDataParallelPlugin(fsdp_version=1))


def test_deepspeed_is_told_what_the_settings_say() -> None:
    config = DeepSpeedPlugin(zero_stage=2, gradient_accumulation_steps=1).deepspeed_config
    settle_deepspeed(config, replace(SETTINGS, batch=3, accumulate=4, clip=0.5))
    assert config["train_micro_batch_size_per_gpu"] == 3
    assert config["gradient_accumulation_steps"] == 4
    assert config["gradient_clipping"] == 0.5


def test_weights_that_no_process_has_are_refused() -> None:
    config = DeepSpeedPlugin(zero_stage=3).deepspeed_config
    with pytest.raises(UsageError, match=r"DeepSpeed stage 3 .* take stage 2, or FSDP$"):
        settle_deepspeed(config, SETTINGS)


@pytest.mark.slow
@on_cpu
def test_a_model_of_which_a_part_learns_is_exported_whole(
    toy_dataset: Path, tiny_model: Path, tmp_path: Path
) -> None:
    folders = [tmp_path / "alone", tmp_path / "spread"]
    alone, together = (
        config_of(folder, toy_dataset, tiny_model, accumulate=2, batch=batch)
        for folder, batch in zip(folders, (2, 1), strict=True)
    )
    assert main(["train", "--quiet", str(alone)]) == 0
    done(together, **DOCUMENTED)
    losses, others = (losses_of(folder / "run") for folder in folders)
    assert others == pytest.approx(losses, rel=2e-5)
    one, other = (unet_of(folder) for folder in folders)
    base = read_tensors(next((tiny_model / "unet").glob("*.safetensors")))
    moved = {name for name, value in other.items() if not torch.equal(value, base[name].float())}
    assert set(one) == set(other) == set(base)
    assert moved
    assert all("to_out" in name for name in moved)
    for name, value in one.items():
        torch.testing.assert_close(other[name], value, rtol=2e-5, atol=1e-5)
