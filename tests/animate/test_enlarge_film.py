"""Films enlarged frame by frame, through the real decoder and encoder."""

from __future__ import annotations

import subprocess
from pathlib import Path

import numpy as np
import pytest

from animate.audio import has_audio
from animate.cli import main
from animate.enlarge import upscale
from animate.enlarge_film import upscale_film
from animate.errors import OutputError
from animate.still_models import StillModel
from pose import ffmpeg
from pose.video import open_video

LUMA = (0.299, 0.587, 0.114)
QUICK = {"factor": 2.0, "steps": 1, "tile": 64}


@pytest.fixture(scope="module")
def film(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three frames of 40x32 pixels in which something moves, with sound."""
    path = tmp_path_factory.mktemp("films") / "film.mp4"
    pictures = ("-f", "lavfi", "-i", "testsrc=size=40x32:rate=10:duration=0.3")
    sound = ("-f", "lavfi", "-i", "sine=frequency=440:duration=0.3")
    program = [ffmpeg.program(), "-loglevel", "error", *pictures, *sound]
    subprocess.run([*program, "-pix_fmt", "yuv420p", "-c:a", "aac", str(path)], check=True)
    return path


def test_every_frame_is_enlarged_and_the_sound_stays(
    sd3: StillModel, film: Path, tmp_path: Path
) -> None:
    said: list[str] = []
    seen: list[tuple[str, int, int]] = []
    output = tmp_path / "large.mp4"
    frames = upscale_film(
        film,
        output,
        loaded=sd3,
        report=said.append,
        progress=lambda *told: seen.append(told),
        **QUICK,
    )
    before, after = open_video(film), open_video(output)
    assert frames == len(before) == len(after) == 3
    assert after.size == (80, 64)
    assert after.fps == pytest.approx(before.fps)
    assert has_audio(output)
    for small, large in zip(before, after, strict=True):
        alone = upscale(small, loaded=sd3, **QUICK)
        gap = (alone.astype(float) - large) @ LUMA  # the encoder halves colours' resolution
        assert np.abs(gap).mean() < 4
    assert len(said) == 1
    assert [told for told in seen if told[0] == "enlarge"] == [("enlarge", n, 3) for n in (1, 2, 3)]


def test_a_film_that_is_there_is_kept(sd3: StillModel, film: Path, tmp_path: Path) -> None:
    output = tmp_path / "large.mp4"
    output.write_bytes(b"mine")
    with pytest.raises(OutputError, match="exists already"):
        upscale_film(film, output, loaded=sd3, **QUICK)
    assert output.read_bytes() == b"mine"


def test_the_command_tells_films_from_pictures(
    sd3: StillModel, film: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = [str(film), "--model", str(sd3.folder), "--factor", "2", "--steps", "1"]
    output = tmp_path / "large.mp4"
    assert main(["upscale", *words, "--tile", "64", "-o", str(output), "--device", "cpu"]) == 0
    assert open_video(output).size == (80, 64)
    assert "3 frames" in capsys.readouterr().out
