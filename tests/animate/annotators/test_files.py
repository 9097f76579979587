"""`animate annotate`: pictures become pictures, films films."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from animate.annotators.edges import canny
from animate.cli import main
from pose.video import load_image, open_video

SAMPLES = Path(__file__).resolve().parents[3] / "samples"


def test_a_picture_becomes_a_picture(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    target = tmp_path / "map.png"
    words = ["annotate", str(SAMPLES / "hero.png"), "--kind", "canny", "-o", str(target)]
    assert main([*words, "--size", "96x144"]) == 0
    assert load_image(target).shape == (144, 96, 3)
    assert "canny by canny, 96x144" in capsys.readouterr().out
    assert main(words) == 1
    assert "use --force" in capsys.readouterr().err


def test_a_film_becomes_a_film(tmp_path: Path) -> None:
    target = tmp_path / "map.mp4"
    words = ["annotate", str(SAMPLES / "dance.mp4"), "--kind", "canny", "--frames", "4", "--quiet"]
    assert main([*words, "-o", str(target)]) == 0
    made = [frame.copy() for frame in open_video(target)]
    assert len(made) == 4
    wanted = canny(next(iter(open_video(SAMPLES / "dance.mp4"))))
    assert np.abs(made[0].astype(int) - wanted).mean() < 6


def test_a_film_does_not_fit_into_a_picture(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["annotate", str(SAMPLES / "dance.mp4"), "--kind", "canny", "-o"]
    assert main([*words, str(tmp_path / "a.png")]) == 2
    assert "must end in .mp4" in capsys.readouterr().err
    assert not list(tmp_path.iterdir())


def test_the_input_is_never_replaced(capsys: pytest.CaptureFixture[str]) -> None:
    picture = str(SAMPLES / "hero.png")
    assert main(["annotate", picture, "--kind", "canny", "-o", picture, "--force"]) == 2
    assert "is the input" in capsys.readouterr().err
