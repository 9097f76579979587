"""The command as its users meet it: what it writes, says and returns."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import animate
from animate.cli import main
from pose.video import open_video

ROOT = Path(__file__).resolve().parents[2]
HELP_SECONDS = 0.5  # the goal for `animate --help`


@dataclass
class Run:
    """How one run of the command ended."""

    code: int
    out: str
    err: str

    @property
    def complaint(self) -> str:
        """The single line of a refusal; fails if there is more than that."""
        lines = [line for line in self.err.splitlines() if line.startswith("animate")]
        assert len(lines) == 1, self.err
        assert "Traceback" not in self.err
        return lines[0]


Command = Callable[..., Run]


@pytest.fixture
def command(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> Command:
    """Run the command in this process, in an empty folder."""
    monkeypatch.chdir(tmp_path)

    def run(*words: object) -> Run:
        code = main([str(word) for word in words])
        return Run(code, *capfd.readouterr())

    return run


@pytest.fixture
def quick(command: Command, hero: Path, tiny_model: Path) -> Command:
    """The command with a tiny model: give a driving video and what differs."""
    base = ["--model", tiny_model, "--size", "64x96", "--steps", 1, "--device", "cpu"]
    base += ["--no-eval"]  # tests/animate/judge looks at that

    def run(driving: Path, *words: object, ref: Path = hero) -> Run:
        return command(driving, "--ref", ref, *base, *words)

    return run


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


# What it does


def test_video_is_written_beside_what_was_decided(
    quick: Command, three_frames: Path, tmp_path: Path
) -> None:
    run = quick(three_frames)
    assert run.code == 0, run.err
    assert names(tmp_path) == ["three_hero.mp4"]
    clip = open_video(tmp_path / "three_hero.mp4")
    assert (clip.size, len(clip)) == ((64, 96), 3)
    told = run.out.splitlines()
    assert any(line.startswith("Model tiny: ") for line in told)
    assert "result 64x96, 3 frames at 24 per second" in run.out
    assert "One window of 3 frames" in run.out
    assert re.fullmatch(r"Stages: track .* s, load .* s, denoise .* s, decode .* s", told[-2])
    assert re.fullmatch(r"Wrote three_hero\.mp4: 3 frames, 0\.1 s of video, in .* s", told[-1])


def test_a_single_frame_is_enough(quick: Command, one_frame: Path, tmp_path: Path) -> None:
    assert quick(one_frame, "-o", "one.mp4").code == 0
    assert len(open_video(tmp_path / "one.mp4")) == 1


def test_quiet_prints_nothing(quick: Command, one_frame: Path) -> None:
    run = quick(one_frame, "--quiet")
    assert (run.code, run.out, run.err) == (0, "", "")


def test_stride_and_frames_choose_before_tracking(
    quick: Command, interrupted_dance: Path, tmp_path: Path
) -> None:
    run = quick(interrupted_dance, "--stride", 4, "--frames", 2, "-o", "two.mp4")
    assert run.code == 0, run.err
    assert "filled" not in run.out
    assert len(open_video(tmp_path / "two.mp4")) == 2


def test_compare_and_poses(quick: Command, three_frames: Path, tmp_path: Path) -> None:
    run = quick(three_frames, "--compare", "--save-poses", "p.npz", "-o", "c.mp4")
    assert run.code == 0, run.err
    width, height = open_video(tmp_path / "c.mp4").size
    assert width > 1.5 * height
    with np.load(tmp_path / "p.npz") as poses:
        assert poses["keypoints"].shape[::2] == (3, 133)
        assert poses["fps"] == 24


def test_a_second_file_for_the_comparison(quick: Command, one_frame: Path, tmp_path: Path) -> None:
    run = quick(one_frame, "--save-compare", "beside.mp4", "-o", "plain.mp4")
    assert run.code == 0, run.err
    assert open_video(tmp_path / "plain.mp4").size == (64, 96)
    assert open_video(tmp_path / "beside.mp4").size[1] > 96
    run = quick(one_frame, "--save-compare", "same.mp4", "-o", "same.mp4")
    assert (run.code, "named twice" in run.complaint) == (2, True)


def test_size_is_rounded_and_that_is_said(quick: Command, one_frame: Path, tmp_path: Path) -> None:
    run = quick(one_frame, "--size", "63x97", "-o", "r.mp4")
    assert "Size 63x97 rounded to 64x96" in run.out
    assert open_video(tmp_path / "r.mp4").size == (64, 96)


def test_frames_without_a_person_are_filled_and_named(
    quick: Command, interrupted_dance: Path
) -> None:
    run = quick(interrupted_dance)
    assert run.code == 0, run.err
    assert "2 of 6 frames: no person; filled in from the frames around (frames 2-3)" in run.out


def test_pose_writes_skeletons_and_keypoints(
    command: Command, three_frames: Path, tmp_path: Path
) -> None:
    run = command("pose", three_frames)
    assert run.code == 0, run.err
    assert names(tmp_path) == ["three_pose.mp4", "three_pose.npz"]
    clip = open_video(tmp_path / "three_pose.mp4")
    assert (len(clip), clip.size) == (3, open_video(three_frames).size)


def test_pose_reports_for_people_and_for_programs(
    command: Command, interrupted_dance: Path, tmp_path: Path
) -> None:
    run = command("pose", interrupted_dance, "--overlay", "over.mp4", "--save-poses", "json")
    assert run.code == 0, run.err
    assert "Verdict: poor" in run.out
    assert "2 of 6 frames: no person" in run.out
    assert names(tmp_path) == ["gap_pose.mp4", "json", "over.mp4"]
    assert len(list((tmp_path / "json").iterdir())) == 6
    assert len(open_video(tmp_path / "over.mp4")) == 6
    run = command("pose", interrupted_dance, "--force", "--json")
    (report,) = json.loads(run.out)
    assert (report["verdict"], report["frames"], run.err) == ("poor", 6, "")


@pytest.mark.parametrize("kind", ["npz", "json", "skeletons"])
def test_what_pose_wrote_can_drive(
    kind: str, command: Command, quick: Command, three_frames: Path, tmp_path: Path
) -> None:
    keep = {"npz": "p.npz", "json": "p"}.get(kind, "other.npz")
    written = command("pose", three_frames, "-o", "s.mp4", "--save-poses", keep)
    assert written.code == 0, written.err
    source = tmp_path / ("s.mp4" if kind == "skeletons" else keep)
    run = quick(source, "-o", "out.mp4", "--save-compare", "c.mp4")
    assert run.code == 0, run.err
    told = "Skeletons 576x864" if kind == "skeletons" else "Keypoints 576x864"
    assert told in run.out
    assert len(open_video(tmp_path / "out.mp4")) == 3


def test_keypoints_steer_as_the_film_did(
    command: Command, quick: Command, three_frames: Path, tmp_path: Path
) -> None:
    assert command("pose", three_frames, "-o", "s.mp4").code == 0
    assert quick(three_frames, "-o", "film.mp4", "--no-audio").code == 0
    assert quick(tmp_path / "s.npz", "-o", "points.mp4").code == 0
    assert (tmp_path / "points.mp4").read_bytes() == (tmp_path / "film.mp4").read_bytes()


# What it refuses


def test_nobody_is_found_out_before_a_model_is_loaded(
    command: Command, nobody: Path, hero: Path, tmp_path: Path
) -> None:
    run = command(nobody, "--ref", hero, "--model", tmp_path)  # which is no model
    assert run.code == 1
    assert "no person found in" in run.complaint


def test_keypoints_that_are_read_are_not_written_over(
    command: Command, quick: Command, one_frame: Path, tmp_path: Path
) -> None:
    assert command("pose", one_frame, "-o", "walk.mp4").code == 0
    before = (tmp_path / "walk.npz").read_bytes()
    for run in (
        command("pose", tmp_path / "walk.npz", "-o", "walk.mp4", "--force"),
        quick(tmp_path / "walk.npz", "-o", "out.mp4", "--save-poses", "walk.npz", "--force"),
    ):
        assert run.code == 2
        assert "walk.npz is an input" in run.complaint
    assert (tmp_path / "walk.npz").read_bytes() == before


def test_existing_output_is_kept_without_force(
    quick: Command, one_frame: Path, tmp_path: Path
) -> None:
    (tmp_path / "mine.mp4").write_bytes(b"mine")
    run = quick(one_frame, "-o", "mine.mp4")
    assert run.code == 1
    assert "--force" in run.complaint
    assert (tmp_path / "mine.mp4").read_bytes() == b"mine"
    assert quick(one_frame, "-o", "mine.mp4", "--force").code == 0
    assert len(open_video(tmp_path / "mine.mp4")) == 1


@pytest.fixture(scope="session")
def bad_videos(clips: Path, three_frames: Path, hero: Path) -> dict[str, Path]:
    """Files that cannot drive anything, by what is wrong with them."""
    bad = {name: clips / f"{name}.mp4" for name in ("missing", "empty", "text", "cut", "dot")}
    bad["empty"].touch()
    bad["text"].write_text("Not a video, but a letter.\n")
    bad["cut"].write_bytes(three_frames.read_bytes()[: three_frames.stat().st_size // 2])
    Image.new("RGB", (2, 2)).save(clips / "dot.gif", save_all=True, append_images=[])
    (clips / "none").mkdir()
    return {**bad, "dot": clips / "dot.gif", "picture": hero, "folder": clips / "none"}


@pytest.mark.parametrize(
    ("kind", "told"),
    [
        ("missing", "no such file"),
        ("empty", "empty"),
        ("text", "holds text, not a video"),
        ("cut", "damaged"),
        ("dot", "2x2 pixels"),
        ("picture", "picture, not a video"),
        ("folder", "holds no pictures"),
    ],
)
def test_unreadable_driving_video_is_one_line(
    quick: Command, bad_videos: dict[str, Path], tmp_path: Path, kind: str, told: str
) -> None:
    run = quick(bad_videos[kind], "-o", "out.mp4")
    assert run.code == 1
    assert told in run.complaint
    assert not names(tmp_path)


def test_video_without_a_person_says_how_far_it_looked(
    quick: Command, nobody: Path, tmp_path: Path
) -> None:
    run = quick(nobody)
    assert run.code == 1
    assert re.search(r"no person found in .*nobody\.mp4 \(looked at 3 frames", run.complaint)
    assert not names(tmp_path)


def test_reference_without_a_body_offers_a_way_on(
    quick: Command, one_frame: Path, landscape: Path
) -> None:
    run = quick(one_frame, ref=landscape)
    assert run.code == 1
    assert "--align none" in run.complaint
    assert quick(one_frame, "--align", "none", ref=landscape).code == 0


def test_unreadable_reference_is_one_line(quick: Command, one_frame: Path) -> None:
    run = quick(one_frame, ref=one_frame)
    assert run.code == 1
    assert "is a video, not a picture" in run.complaint


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["--model", "maxi"], "auto | mini | svd"),
        (["--size", "large"], "WIDTHxHEIGHT"),
        (["--frames", "0"], "--frames expects"),
        (["--overlap", "4", "--window", "4"], "--overlap 4 must be smaller"),
        (["--device", "tpu"], "invalid choice: 'tpu'"),
        (["--no-such-option"], "unrecognized arguments"),
        (["-o", "out.avi"], "must end in .mp4"),
        (["--save-poses", "poses.txt"], "a .npz file, or into a folder"),
    ],
)
def test_wrong_usage_is_one_line_and_code_2(
    quick: Command, one_frame: Path, tmp_path: Path, words: list[str], told: str
) -> None:
    run = quick(one_frame, *words)
    assert run.code == 2
    assert told in run.complaint
    assert not names(tmp_path)


def test_the_driving_video_is_never_the_output(
    quick: Command, tmp_path: Path, one_frame: Path
) -> None:
    driving = tmp_path / "mine.mp4"
    driving.write_bytes(one_frame.read_bytes())
    run = quick(driving, "-o", "mine.mp4", "--force")
    assert run.code == 2
    assert "is an input" in run.complaint
    assert driving.read_bytes() == one_frame.read_bytes()


def test_missing_reference_is_wrong_usage(command: Command, one_frame: Path) -> None:
    run = command(one_frame)
    assert run.code == 2
    assert "--ref" in run.complaint


def test_unwritable_folder_is_found_first(quick: Command, one_frame: Path) -> None:
    run = quick(one_frame, "-o", "/proc/out.mp4")
    assert run.code == 1
    assert "cannot write into /proc" in run.complaint
    assert not run.out


def test_debug_shows_the_traceback(quick: Command, bad_videos: dict[str, Path]) -> None:
    run = quick(bad_videos["missing"], "--debug")
    assert run.code == 1
    assert "Traceback" in run.err


def test_version(command: Command) -> None:
    run = command("--version")
    assert (run.code, run.out) == (0, f"animate {animate.__version__}\n")


# As a process of its own


def start(*words: object, folder: Path) -> subprocess.Popen[str]:
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}
    return subprocess.Popen(
        [sys.executable, "-m", "animate", *map(str, words)],
        cwd=folder,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def test_help_is_quick(tmp_path: Path) -> None:
    seconds = []
    for _ in range(3):
        begin = time.monotonic()
        process = start("--help", folder=tmp_path)
        told, _ = process.communicate()
        seconds.append(time.monotonic() - begin)
        assert process.returncode == 0
        assert "animate pose" in told
    assert min(seconds) < HELP_SECONDS


def mentioning(text: str) -> list[int]:
    """Processes, other than this one, whose command line has `text` in it."""
    found = []
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            line = (entry / "cmdline").read_bytes().decode(errors="replace")
        except OSError:
            continue
        if text in line and int(entry.name) != os.getpid():
            found.append(int(entry.name))
    return found


@pytest.mark.parametrize(
    ("stage", "number", "code"),
    [("Loading", signal.SIGINT, 130), ("Denoising", signal.SIGINT, 130)],
    ids=["tracking", "encoding"],
)
def test_interruption_leaves_what_to_go_on_from(
    dance: Path,
    hero: Path,
    tiny_model: Path,
    tmp_path: Path,
    stage: str,
    number: signal.Signals,
    code: int,
) -> None:
    output = tmp_path / "out.mp4"
    size = ["--size", "128x192", "--steps", 1, "--frames", 16]
    process = start(
        dance, "--ref", hero, "--model", tiny_model, *size, "-o", output, folder=tmp_path
    )
    assert process.stderr is not None
    while stage not in (line := process.stderr.readline()):
        assert line, "the command ended too early"
    process.send_signal(number)
    _, told = process.communicate(timeout=60)
    assert process.returncode == code
    assert told.splitlines()[-1] == (
        "animate: interrupted, no partial output is left; run the same command to go on"
    )
    assert names(tmp_path) == [".out.mp4.journal"]
    assert not mentioning(str(tmp_path))


@pytest.mark.parametrize(
    "work",
    ["exec('raise KeyboardInterrupt')", "swallow()", "exec('signal.raise_signal(signal.SIGINT)')"],
    ids=["in generated code", "turned into an error", "by signal"],
)
def test_interruption_in_odd_places_keeps_its_exit_code(work: str) -> None:
    code = f"""
import signal, sys
from animate.cli import _guard
def swallow():
    try:
        signal.raise_signal(signal.SIGINT)
    except KeyboardInterrupt:
        raise ImportError("half imported")
sys.exit(_guard(lambda: {work}, prog="animate", debug=False))
"""
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, check=False)
    assert done.returncode == 130
    assert done.stderr.count(b"\n") == 1


def test_termination_leaves_through_every_finally() -> None:
    code = """
import os, signal, sys
from animate.cli import _guard
def work():
    try:
        os.kill(os.getpid(), signal.SIGTERM)
    finally:
        print("cleaned up")
sys.exit(_guard(work, prog="animate", debug=False))
"""
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, check=False)
    assert (done.returncode, done.stdout) == (143, b"cleaned up\n")
