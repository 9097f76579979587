"""The soundtrack, with the real ffmpeg."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import numpy as np
import pytest

from animate.audio import Soundtrack, has_audio, picture_delay
from animate.video import VideoWriter
from pose import ffmpeg


@pytest.fixture(scope="module")
def tone(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two seconds of video with a tone that starts after the first second."""
    path = tmp_path_factory.mktemp("tone") / "tone.mp4"
    picture = ("-f", "lavfi", "-i", "color=gray:s=64x48:r=10:d=2")
    sound = ("-f", "lavfi", "-i", "sine=frequency=440:duration=2")
    late = ("-af", "volume=0:enable='lt(t,1)'")
    command = [
        ffmpeg.program(),
        "-loglevel",
        "error",
        *picture,
        *sound,
        *late,
        "-shortest",
        str(path),
    ]
    subprocess.run(command, check=True)
    return path


def write(path: Path, frames: int, soundtrack: Soundtrack | None) -> Path:
    with VideoWriter(path, (64, 48), 10.0, soundtrack) as writer:
        for _ in range(frames):
            writer.write(np.zeros((48, 64, 3), np.uint8))
    return path


def seconds(path: Path) -> float:
    """Duration that ffmpeg reports."""
    told = subprocess.run(
        [ffmpeg.program(), "-i", str(path)], capture_output=True, text=True
    ).stderr
    match = re.search(r"Duration: (\d+):(\d+):([\d.]+)", told)
    assert match
    return int(match[1]) * 3600 + int(match[2]) * 60 + float(match[3])


def loudness(path: Path) -> float:
    """Root mean square of the sound, -1 to 1."""
    raw = subprocess.run(
        [ffmpeg.program(), "-loglevel", "error", "-i", str(path), "-f", "f32le", "-ac", "1", "-"],
        capture_output=True,
        check=True,
    ).stdout
    return float(np.sqrt((np.frombuffer(raw, np.float32) ** 2).mean()))


def test_sound_is_kept_and_trimmed(tone: Path, tmp_path: Path) -> None:
    soundtrack = Soundtrack(source=tone, duration=0.5)
    path = write(tmp_path / "out.mp4", 5, soundtrack)
    assert has_audio(path)
    assert seconds(path) == pytest.approx(0.5, abs=0.1)


def test_sound_starts_where_the_clip_does(tone: Path, tmp_path: Path) -> None:
    early = write(tmp_path / "a.mp4", 5, Soundtrack(source=tone, duration=0.5))
    late = write(tmp_path / "b.mp4", 5, Soundtrack(source=tone, start=1.2, duration=0.5))
    assert loudness(early) < 0.01 < loudness(late)


def test_names_with_a_colon_are_files(
    tone: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("tone:1.mp4").write_bytes(tone.read_bytes())
    assert has_audio(Path("tone:1.mp4"))
    path = write(Path("out:1.mp4"), 5, Soundtrack(source=Path("tone:1.mp4"), duration=0.5))
    assert has_audio(path)


def test_short_sound_does_not_shorten_the_video(tone: Path, tmp_path: Path) -> None:
    path = write(tmp_path / "out.mp4", 40, Soundtrack(source=tone, duration=4.0))
    assert seconds(path) == pytest.approx(4.0, abs=0.1)


def test_silent_source_is_no_error(tmp_path: Path) -> None:
    silent = write(tmp_path / "silent.mp4", 5, None)
    path = write(tmp_path / "out.mp4", 5, Soundtrack(source=silent, duration=0.5))
    assert not has_audio(silent)
    assert not has_audio(path)


@pytest.mark.parametrize("ending", ["mp4", "mkv"])
def test_sound_before_the_first_picture_is_left_out(
    tone: Path, tmp_path: Path, ending: str
) -> None:
    """The picture begins half a second after the sound, which is loud after one second."""
    late = tmp_path / f"late.{ending}"
    inputs = ("-itsoffset", "0.5", "-i", str(tone), "-i", str(tone))
    command = [ffmpeg.program(), "-loglevel", "error", *inputs, "-map", "0:v", "-map", "1:a"]
    subprocess.run([*command, "-c", "copy", str(late)], check=True)
    assert picture_delay(tone) == pytest.approx(0.0, abs=0.03)  # of which AAC may take its part
    assert picture_delay(late) == pytest.approx(0.5, abs=0.03)
    before = write(tmp_path / "a.mp4", 4, Soundtrack(source=late, duration=0.4))
    after = write(tmp_path / "b.mp4", 4, Soundtrack(source=late, start=0.55, duration=0.4))
    assert loudness(before) < 0.01 < loudness(after)
