"""What the plain command says of its own result, and what it leaves behind."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from animate.cli import main
from animate.errors import AnimateError
from pose.video import open_video

Command = Callable[..., tuple[int, str]]


@pytest.fixture
def quick(
    dance: Path,
    hero: Path,
    tiny_model: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> Command:
    """The command with a tiny random model on three frames: exit code and output."""
    monkeypatch.chdir(tmp_path)
    base = [dance, "--ref", hero, "--model", tiny_model, "--size", "64x96", "--steps", 1]
    base += ["--device", "cpu", "--frames", 3, "-o", "out.mp4"]

    def run(*words: object) -> tuple[int, str]:
        return main([str(word) for word in (*base, *words)]), capfd.readouterr().out

    return run


def test_figures_are_printed_and_nothing_is_left_behind(quick: Command, tmp_path: Path) -> None:
    code, out = quick()
    assert code == 0
    assert "Motion: " in out
    assert "Verdict: " in out
    assert out.splitlines()[-1].startswith("Wrote out.mp4: 3 frames")
    assert [path.name for path in tmp_path.iterdir()] == ["out.mp4"]


def test_figures_lie_beside_the_keypoints(quick: Command, tmp_path: Path) -> None:
    code, out = quick("--save-poses", "p.npz")
    assert code == 0
    assert json.loads((tmp_path / "p.eval.json").read_text())["frames"] == 3
    assert "Wrote p.eval.json" in out


def test_no_eval_leaves_it_out(quick: Command, tmp_path: Path) -> None:
    code, out = quick("--no-eval", "--save-poses", "p.npz")
    assert code == 0
    assert "Verdict" not in out
    assert not (tmp_path / "p.eval.json").exists()


def test_existing_figures_are_not_replaced(quick: Command, tmp_path: Path) -> None:
    (tmp_path / "p.eval.json").write_text("mine")
    assert quick("--save-poses", "p.npz")[0] == 1
    assert (tmp_path / "p.eval.json").read_text() == "mine"
    assert not (tmp_path / "out.mp4").exists()


def test_a_comparison_is_judged_by_its_last_panel(quick: Command, tmp_path: Path) -> None:
    assert quick("--compare", "--save-poses", "p.npz")[0] == 0
    assert open_video(tmp_path / "out.mp4").size[0] > 500
    figures = json.loads((tmp_path / "p.eval.json").read_text())
    assert figures["motion"]["found"] == 0  # the driving panel would show somebody


@pytest.mark.parametrize(
    ("trouble", "code"), [(AnimateError("no luck"), 0), (KeyboardInterrupt(), 130)]
)
def test_the_video_stays_whatever_becomes_of_the_judge(
    quick: Command,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    trouble: BaseException,
    code: int,
) -> None:
    def fail(*_: object, **__: object) -> None:
        raise trouble

    monkeypatch.setattr("animate.judge.films.evaluate_run", fail)
    ended, out = quick()
    assert ended == code
    assert out.splitlines()[-1].startswith("Wrote out.mp4")
    assert len(open_video(tmp_path / "out.mp4")) == 3
