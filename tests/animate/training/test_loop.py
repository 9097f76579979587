import json
import math
import os
import subprocess
import sys
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from animate.errors import UsageError
from animate.training.errors import TrainingError
from animate.training.loop import LOG, Outcome, train
from animate.training.settings import LoopSettings
from tests.animate.training.toy import PATIENCE_FILE, SETTINGS, LinearTask, NoiseSource


class Stopped(Exception):
    """The run is ended from outside."""


def run(folder: Path, settings: LoopSettings = SETTINGS, *, stop_at: int = 0) -> Outcome:
    def report(step: int, steps: int, loss: float) -> None:
        if step == stop_at:
            raise Stopped

    return train(LinearTask(), NoiseSource(), settings, folder, report=report)


def same(one: Outcome, other: Outcome) -> bool:
    return all(torch.equal(value, other.weights[name]) for name, value in one.weights.items())


@pytest.mark.parametrize("stop_at", [1, 2, 3, 5])
def test_a_resumed_run_equals_the_uninterrupted_bit_for_bit(tmp_path: Path, stop_at: int) -> None:
    whole = run(tmp_path / "whole")
    with pytest.raises(Stopped):
        run(tmp_path / "parts", stop_at=stop_at)
    rest = run(tmp_path / "parts")
    assert same(whole, rest)
    assert rest.losses == whole.losses[-len(rest.losses) :]
    assert len(rest.losses) == SETTINGS.steps - (stop_at - 1) // 2 * 2
    assert (tmp_path / "parts" / LOG).read_text() == (tmp_path / "whole" / LOG).read_text()


def test_training_lowers_the_loss(tmp_path: Path) -> None:
    losses = run(tmp_path, replace(SETTINGS, steps=60)).losses
    assert sum(losses[-10:]) < 0.3 * sum(losses[:10])


def test_a_finished_run_is_taken_up_unchanged(tmp_path: Path) -> None:
    first, again = run(tmp_path), run(tmp_path)
    assert again.losses == []
    assert same(first, again)


def test_only_what_is_trained_moves_and_all_is_returned(tmp_path: Path) -> None:
    before = LinearTask().module.state_dict()
    weights = run(tmp_path).weights
    assert set(weights) == set(before)
    moved = {name for name, value in weights.items() if not torch.equal(value, before[name])}
    assert moved == {"map.weight", "map.bias"}


def test_accumulated_parts_are_one_batch(tmp_path: Path) -> None:
    whole = run(tmp_path / "whole", replace(SETTINGS, batch=4))
    parts = run(tmp_path / "parts", replace(SETTINGS, batch=2, accumulate=2))
    assert parts.losses == pytest.approx(whole.losses, rel=1e-6)


def test_a_run_may_go_on_with_its_batch_divided_otherwise(tmp_path: Path) -> None:
    whole = run(tmp_path / "whole", replace(SETTINGS, batch=4, save_every=3))
    with pytest.raises(Stopped):
        run(tmp_path / "parts", replace(SETTINGS, batch=4, save_every=3), stop_at=4)
    rest = run(tmp_path / "parts", replace(SETTINGS, batch=1, accumulate=4, save_every=3))
    assert rest.losses == pytest.approx(whole.losses[3:], rel=1e-5)
    torch.testing.assert_close(rest.weights, whole.weights)


def test_two_processes_give_the_losses_of_one(tmp_path: Path) -> None:
    whole = run(tmp_path / "whole", replace(SETTINGS, batch=4, steps=4))
    words = ["-m", "torch.distributed.run", "--standalone", "--nproc_per_node=2"]
    words += [str(Path(__file__).with_name("toy.py")), str(tmp_path / "shared")]
    root = Path(__file__).parents[3]
    environment = {**os.environ, "PYTHONPATH": str(root), "OMP_NUM_THREADS": "1"}
    done = subprocess.run([sys.executable, *words], env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-2000:]
    lines = (tmp_path / "shared" / LOG).read_text().splitlines()
    assert [json.loads(line)["loss"] for line in lines] == pytest.approx(whole.losses, rel=1e-6)
    shared = load_file(tmp_path / "shared" / "checkpoints" / "step-00000004" / "model.safetensors")
    alone = load_file(tmp_path / "whole" / "checkpoints" / "step-00000004" / "model.safetensors")
    for name, value in alone.items():
        torch.testing.assert_close(shared[name], value)
    patience = (tmp_path / "shared" / PATIENCE_FILE).read_text()
    assert patience == str(timedelta(hours=6))  # a preview may be long, and the others wait for it


def test_workers_change_nothing(tmp_path: Path) -> None:
    settings = replace(SETTINGS, steps=3)
    alone, helped = run(tmp_path / "a", settings), run(tmp_path / "b", replace(settings, workers=1))
    assert same(alone, helped)


def test_gradients_are_cut_to_the_norm(tmp_path: Path) -> None:
    before = LinearTask().module.state_dict()["map.weight"].clone()
    moved = []
    for clip in (1.0, 1e-9):  # Adam's own epsilon then weighs more than the gradient
        settings = replace(SETTINGS, steps=1, clip=clip, ema=0.0, weight_decay=0.0)
        weights = run(tmp_path / str(clip), settings).weights
        moved.append(float((weights["map.weight"] - before).abs().max()))
    assert moved[1] < 0.2 * moved[0]


def test_a_loss_that_is_no_number_names_step_and_samples(tmp_path: Path) -> None:
    settings = replace(SETTINGS, steps=3)
    run(tmp_path / "good", settings)
    names: list[str] = []
    source = NoiseSource()
    spied = source.sample
    source.sample = lambda bucket, rng: (names.append((one := spied(bucket, rng)).name), one)[1]  # type: ignore[method-assign]
    train(LinearTask(), source, settings, tmp_path / "spied")
    with pytest.raises(TrainingError, match=rf"step 3: the loss is nan; .*{names[4]}.*lower rate"):
        train(LinearTask(poison=names[4]), NoiseSource(), settings, tmp_path / "bad")
    assert [path.name for path in (tmp_path / "bad" / "checkpoints").iterdir()] == ["step-00000002"]


def test_broken_samples_are_counted(tmp_path: Path) -> None:
    outcome = train(LinearTask(), NoiseSource(broken=0.3), SETTINGS, tmp_path)
    assert len(outcome.losses) == SETTINGS.steps
    assert 1 <= len(outcome.skipped) <= 30


def test_previews_see_the_average_and_training_does_not(tmp_path: Path) -> None:
    plain = run(tmp_path / "plain")
    task, seen = LinearTask(), []

    def preview(folder: Path) -> dict[str, float]:
        seen.append((folder.name, task.module.state_dict()["map.bias"].clone()))
        return {"brightness": 0.5}

    settings = replace(SETTINGS, preview_every=3)
    looked = train(task, NoiseSource(), settings, tmp_path / "looked", preview=preview)
    assert same(plain, looked)
    assert [name for name, _ in seen] == ["00000003", "00000006"]
    assert torch.equal(seen[1][1], plain.weights["map.bias"])
    stored = tmp_path / "looked" / "previews" / "00000006" / "figures.json"
    assert json.loads(stored.read_text()) == {"brightness": 0.5}


def test_the_log_has_a_line_a_step(tmp_path: Path) -> None:
    outcome = run(tmp_path)
    lines = [json.loads(line) for line in (tmp_path / LOG).read_text().splitlines()]
    assert [line["loss"] for line in lines] == outcome.losses
    assert all(math.isfinite(line["norm"]) for line in lines)


def test_tensorboard_is_written(tmp_path: Path) -> None:
    pytest.importorskip("tensorboard")
    run(tmp_path, replace(SETTINGS, tracker="tensorboard"))
    assert list((tmp_path / "tensorboard").glob("events.*"))


def test_a_gpu_that_is_not_there_is_an_error(tmp_path: Path) -> None:
    if torch.cuda.is_available():
        pytest.skip("has a GPU")
    with pytest.raises(UsageError, match="no usable GPU"):
        run(tmp_path, replace(SETTINGS, device="cuda"))
