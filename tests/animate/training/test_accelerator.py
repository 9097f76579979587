import importlib.util
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from animate.errors import UsageError
from animate.training.accelerator import build_accelerator
from animate.training.loop import train
from animate.training.settings import LoopSettings
from tests.animate.training.toy import SETTINGS, LinearTask, NoiseSource

ON_CPU = LoopSettings(device="cpu")
without_gpu = pytest.mark.skipif(torch.cuda.is_available(), reason="has a GPU")


@without_gpu
@pytest.mark.parametrize("device", ["cpu", "auto"])
def test_half_precision_needs_a_gpu(tmp_path: Path, device: str) -> None:
    settings = replace(ON_CPU, device=device, precision="fp16")
    with pytest.raises(UsageError, match=r"fp16 needs a GPU.*use bf16 or no$"):
        build_accelerator(settings, tmp_path)


def test_runs_of_one_program_may_differ_in_precision(tmp_path: Path) -> None:
    for precision in ("bf16", "no"):
        settings = replace(SETTINGS, steps=1, precision=precision)
        assert len(train(LinearTask(), NoiseSource(), settings, tmp_path / precision).losses) == 1


@pytest.mark.parametrize(("tracker", "extra"), [("wandb", "wandb"), ("tensorboard", "train")])
def test_a_tracker_that_is_not_installed_is_named(tmp_path: Path, tracker: str, extra: str) -> None:
    if importlib.util.find_spec(tracker):
        pytest.skip(f"{tracker} is here")
    with pytest.raises(UsageError, match=rf"pip install 'animate-controlnext\[{extra}\]'.*none$"):
        build_accelerator(replace(ON_CPU, tracker=tracker), tmp_path)


def test_wandb_keeps_a_run_offline(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("wandb")
    monkeypatch.setenv("WANDB_MODE", "offline")
    train(LinearTask(), NoiseSource(), replace(SETTINGS, tracker="wandb"), tmp_path)
    assert list((tmp_path / "wandb").glob("offline-run-*/*.wandb"))


def test_deepspeed_that_is_not_installed_is_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if importlib.util.find_spec("deepspeed"):
        pytest.skip("deepspeed is here")
    monkeypatch.setenv("ACCELERATE_USE_DEEPSPEED", "true")
    with pytest.raises(UsageError, match="cannot start: DeepSpeed is not installed"):
        build_accelerator(ON_CPU, tmp_path)


@without_gpu
def test_weights_are_not_spread_where_accelerate_would_not(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ACCELERATE_USE_FSDP", "true")
    monkeypatch.setenv("FSDP_SYNC_MODULE_STATES", "true")  # a launcher's default
    with pytest.raises(UsageError, match=r"over GPUs only.*launch without it"):
        build_accelerator(ON_CPU, tmp_path)


@without_gpu
def test_processes_that_would_train_alone_are_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LOCAL_RANK", "0")
    monkeypatch.setenv("WORLD_SIZE", "2")
    with pytest.raises(UsageError, match=r"2 processes were launched.*say loop.device=cpu"):
        build_accelerator(replace(ON_CPU, device="auto"), tmp_path)
