"""The real estimator in two processes on a small clip, and what happens if one is lost."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pose.backends import Estimate
from pose.observe import Observations, observe
from pose.parallel import LEAST_PART, crew_for, split, workers_for
from pose.video import Clip, open_video

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def short(dance: Path) -> Clip:
    """Sixteen frames of the sample: two parts of eight."""
    clip = open_video(dance)
    return Clip(clip.info, clip.indices[:16], clip.times[:16], clip.fps)


@pytest.fixture(scope="module")
def alone(short: Clip) -> Observations:
    return observe(short, backend="mediapipe", workers=1)


def same(one: list[Estimate], other: list[Estimate]) -> bool:
    return len(one) == len(other) and all(
        np.array_equal(a, b, equal_nan=True)
        for pair in zip(one, other, strict=True)
        for a, b in zip(*pair, strict=True)
    )


@given(st.integers(1, 20000), st.integers(1, 9))
def test_parts_cover_every_frame_once(frames: int, workers: int) -> None:
    parts = split(frames, workers)
    assert len(parts) == workers
    assert [n for start, stop in parts for n in range(start, stop)] == list(range(frames))


def test_only_long_films_are_shared(short: Clip) -> None:
    assert workers_for(short, "mediapipe") == 1
    assert workers_for([], "mediapipe", 2) == 1
    long = Clip(short.info, np.arange(4 * LEAST_PART), np.arange(4.0 * LEAST_PART), 25.0)
    assert 1 <= workers_for(long, "mediapipe") <= 4
    assert workers_for(long, "mediapipe", 3) == 3


def test_two_processes_see_what_one_sees(short: Clip, alone: Observations) -> None:
    """Exactly, as the second part is warmed up with everything before it."""
    calls: list[tuple[int, int]] = []
    both = observe(short, backend="mediapipe", workers=2, progress=lambda *call: calls.append(call))
    assert same(both.estimates, alone.estimates)
    assert calls == sorted(set(calls))
    assert calls[-1] == (16, 16)


def test_a_lost_process_is_made_up_for(short: Clip, alone: Observations) -> None:
    with crew_for(short, "mediapipe", 2) as crew:
        crew.helpers[0].process.kill()
        with pytest.warns(RuntimeWarning, match="was lost; its part is done again"):
            seen = observe(short, backend=crew)
    assert same(seen.estimates, alone.estimates)


def test_helpers_end_with_the_block(short: Clip) -> None:
    with pytest.raises(KeyboardInterrupt), crew_for(short, "mediapipe", 2) as crew:
        observe(short, backend=crew, progress=_interrupt)
    assert crew.helpers[0].process.poll() is not None


def _interrupt(done: int, total: int) -> None:
    raise KeyboardInterrupt


def test_damage_in_a_later_part_ends_the_clip_there(
    film: Callable[..., Path], tmp_path: Path
) -> None:
    whole = film(
        "long.mp4", "-pix_fmt", "yuv420p", "-g", "10", "-movflags", "faststart",
        size="320x240", seconds=6,
    ).read_bytes()  # fmt: skip
    path = tmp_path / "cut.mp4"
    path.write_bytes(whole[: len(whole) * 55 // 100])
    one, two = open_video(path), open_video(path)
    seen = observe(one, backend="mediapipe", workers=1)
    shared = observe(two, backend="mediapipe", workers=3)
    assert same(shared.estimates, seen.estimates)
    assert two.damaged == one.damaged is not None


@pytest.mark.skipif(os.name != "posix", reason="sends a POSIX signal")
def test_a_script_without_a_guard_works_and_an_interrupt_leaves_no_process(
    dance: Path, tmp_path: Path
) -> None:
    script = tmp_path / "script.py"
    script.write_text(
        "import pathlib, pose.parallel\n"
        "from pose import track\n"
        "start = pose.parallel.Helper.__init__\n"
        "def remember(self, *words):\n"
        "    start(self, *words)\n"
        "    global helper\n"
        "    helper = self.process.pid\n"
        "pose.parallel.Helper.__init__ = remember\n"
        "def tell(done, total):\n"
        "    if done == 1: print(helper, flush=True)\n"
        f"track({str(dance)!r}, backend='mediapipe', workers=2, progress=tell)\n"
        "print('done', flush=True)\n"
    )
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    process = subprocess.Popen(
        [sys.executable, str(script)], env=environment, text=True,
        stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    assert process.stdout
    with process:
        helper = int(process.stdout.readline())
        process.send_signal(signal.SIGINT)
        assert process.stdout.read() == ""
    assert process.returncode != 0
    with pytest.raises(ProcessLookupError):
        os.kill(helper, 0)
