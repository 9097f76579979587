import json
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from animate.errors import OutputError
from animate.training.errors import TrainingError
from animate.training.loop import train
from animate.training.state import PROGRESS, checkpoints_in
from tests.animate.training.toy import SETTINGS, LinearTask, NoiseSource
from tests.full_disk import no_file_beyond


@pytest.mark.parametrize("room", [64, 1000, 3000])
def test_a_full_disk_keeps_the_previous_checkpoint(tmp_path: Path, room: int) -> None:
    whole = train(LinearTask(), NoiseSource(), SETTINGS, tmp_path / "whole")
    run = tmp_path / "run"
    with ExitStack() as stack:

        def fill(step: int, steps: int, loss: float) -> None:
            if step == 4:
                stack.enter_context(no_file_beyond(room))

        with pytest.raises(OutputError, match=r"step 4: .*make room.*step-00000002"):
            train(LinearTask(), NoiseSource(), SETTINGS, run, report=fill)
    assert [path.name for path in (run / "checkpoints").iterdir()] == ["step-00000002"]
    again = train(LinearTask(), NoiseSource(), SETTINGS, run)
    assert all(torch.equal(v, again.weights[n]) for n, v in whole.weights.items())


def test_what_an_interrupted_save_left_is_no_checkpoint(tmp_path: Path) -> None:
    folder = tmp_path / "checkpoints"
    (folder / "step-00000004.partial").mkdir(parents=True)
    assert checkpoints_in(folder) == []
    train(LinearTask(), NoiseSource(), SETTINGS, tmp_path)
    assert [path.name for path in checkpoints_in(folder)] == ["step-00000004", "step-00000006"]


def test_another_runs_state_is_refused(tmp_path: Path) -> None:
    train(LinearTask(), NoiseSource(), replace(SETTINGS, steps=2), tmp_path)
    with pytest.raises(TrainingError, match=r"other settings \(seed 0, now 1\)"):
        train(LinearTask(), NoiseSource(), replace(SETTINGS, seed=1), tmp_path)


def test_other_weights_are_told_from_damage(tmp_path: Path) -> None:
    train(LinearTask(), NoiseSource(), replace(SETTINGS, steps=2), tmp_path)
    task = LinearTask()
    task.module["map"].bias.requires_grad_(False)  # type: ignore[index]
    told = r"\(trained 12 numbers in 2 weights \(\w+\), now 9 numbers in 1 weights \(\w+\)\)"
    with pytest.raises(TrainingError, match=f"other settings {told}"):
        train(task, NoiseSource(), SETTINGS, tmp_path)


def test_another_optimizer_is_told_from_damage(tmp_path: Path) -> None:
    train(LinearTask(), NoiseSource(), replace(SETTINGS, steps=2), tmp_path)
    (newest,) = checkpoints_in(tmp_path / "checkpoints")
    progress = json.loads((newest / PROGRESS).read_text())
    progress["identity"]["optimizer"] = "adamw8bit"
    (newest / PROGRESS).write_text(json.dumps(progress))
    with pytest.raises(TrainingError, match=r"\(optimizer adamw8bit, now adamw\)"):
        train(LinearTask(), NoiseSource(), SETTINGS, tmp_path)


def test_checkpoints_hold_no_code_and_no_weights_that_stay(tmp_path: Path) -> None:
    from safetensors.torch import load_file

    train(LinearTask(), NoiseSource(), SETTINGS, tmp_path)
    newest = checkpoints_in(tmp_path / "checkpoints")[-1]
    assert set(load_file(newest / "model.safetensors")) == {
        "trained.map.weight",
        "trained.map.bias",
    }
    for name in ("optimizer.bin", "average_0.pt"):
        assert torch.load(newest / name, weights_only=True)
