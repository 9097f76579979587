from __future__ import annotations

import subprocess
from collections.abc import Callable
from itertools import islice
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from pose.errors import VideoError
from pose.ffmpeg import program
from pose.video import open_video, probe

Make = Callable[..., Path]
Frame = NDArray[np.uint8]


@pytest.fixture(scope="module")
def frames(plain: Path) -> list[Frame]:
    """All 30 frames of the plain video."""
    return list(open_video(plain))


def same(one: Frame, other: Frame, tolerance: float = 0.0) -> bool:
    """Whether two frames are equal up to a mean difference."""
    difference = np.abs(one.astype(int) - other.astype(int)).mean()
    return one.shape == other.shape and bool(difference <= tolerance)


def test_facts(plain: Path) -> None:
    info = probe(plain)
    assert (info.width, info.height, info.frames, info.variable) == (64, 48, 30, False)
    assert info.fps == pytest.approx(10)
    assert info.duration == pytest.approx(3)


def test_a_clip_can_be_read_twice(plain: Path, frames: list[Frame]) -> None:
    clip = open_video(plain)
    assert (len(clip), clip.size, clip.fps) == (30, (64, 48), pytest.approx(10))
    for _ in range(2):
        assert all(same(a, b) for a, b in zip(clip, frames, strict=True))


def test_stride_and_frames(plain: Path, frames: list[Frame]) -> None:
    clip = open_video(plain, stride=7, frames=4)
    assert clip.fps == pytest.approx(10 / 7)
    assert clip.times == pytest.approx([0, 0.7, 1.4, 2.1])
    assert all(same(a, b) for a, b in zip(clip, frames[::7][:4], strict=True))


@pytest.mark.parametrize(("fps", "wanted"), [(5, [0, 2, 4, 6]), (20, [0, 0, 1, 1]), (4, [0, 2, 5])])
def test_rates_are_resampled_by_time(
    fps: float, wanted: list[int], plain: Path, frames: list[Frame]
) -> None:
    clip = open_video(plain, fps=fps)
    assert len(clip) == 3 * fps
    assert clip.times[1] == pytest.approx(1 / fps)
    for frame, index in zip(clip, wanted, strict=False):
        assert any(same(frame, frames[i]) for i in (index, index + 1))


def test_an_irregular_video_gets_a_steady_rate(film: Make, frames: list[Frame]) -> None:
    slower = "setpts='if(lt(N,10),N,10+(N-10)*3)/10/TB'"  # 10, then 3.3 frames a second
    path = film("vfr.mp4", "-vf", slower, "-fps_mode", "vfr", "-pix_fmt", "yuv420p", seconds=3)
    clip = open_video(path)
    assert clip.info.variable
    assert clip.fps == pytest.approx(10)
    assert len(clip) == pytest.approx(68, abs=2)
    shown = list(clip)
    assert same(shown[5], frames[5], 4)
    assert same(shown[40], frames[20], 4)  # 4.0 s: frame 10 + (40 - 10) / 3


@pytest.mark.parametrize(("angle", "turns"), [(90, 1), (180, 2), (270, 3)])
def test_rotated_phone_videos_stand_upright(
    angle: int, turns: int, ffmpeg: Make, plain: Path, frames: list[Frame]
) -> None:
    turned = ["-display_rotation", str(angle), "-i", str(plain), "-c", "copy"]
    clip = open_video(ffmpeg(f"turned{angle}.mp4", *turned), frames=3)
    shape = np.rot90(frames[0], turns).shape
    assert clip.size == (shape[1], shape[0])
    for frame, level in zip(clip, frames, strict=False):
        assert same(frame, np.ascontiguousarray(np.rot90(level, turns)), 3)


@pytest.mark.parametrize(
    ("name", "size", "options"),
    [
        ("odd.mp4", "65x49", ["-pix_fmt", "yuv444p"]),
        ("narrow.mp4", "24x80", ["-pix_fmt", "yuv420p"]),
        ("grey.mkv", "64x48", ["-pix_fmt", "gray"]),
        ("alpha.webm", "64x48", ["-pix_fmt", "yuva420p", "-c:v", "libvpx-vp9"]),
        ("ten_bits.mp4", "64x48", ["-pix_fmt", "yuv420p10le"]),
        ("film.gif", "64x48", []),
    ],
)
def test_unusual_pictures(
    name: str, size: str, options: list[str], film: Make, ffmpeg: Make
) -> None:
    path = film(name, *options, size=size)
    raw = ffmpeg(f"{name}.rgb", "-i", str(path), "-f", "rawvideo", "-pix_fmt", "rgb24")
    width, height = (int(side) for side in size.split("x"))
    wanted = np.fromfile(raw, np.uint8).reshape(-1, height, width, 3)
    assert len(wanted) == 10
    for frame, other in zip(open_video(path), wanted, strict=True):
        assert same(frame, other, 1)


@pytest.mark.parametrize(
    ("name", "codec"),
    [
        ("b.avi", ["mpeg4", "-bf", "2"]),
        ("b.avi", ["libx264", "-bf", "3"]),
        ("b.mpg", ["mpeg2video", "-bf", "2", "-r", "25"]),
        ("b.wmv", ["wmv2"]),
        ("b.dv", ["dvvideo", "-s", "720x576", "-r", "25"]),
    ],
)
def test_files_that_do_not_tell_their_times_are_read_whole(
    name: str, codec: list[str], film: Make
) -> None:
    rate = 25 if "-r" in codec else 10
    path = film(name, "-pix_fmt", "yuv420p", "-c:v", *codec, seconds=2)
    clip = open_video(path)
    assert len(clip) == len(list(clip)) == 2 * rate
    assert np.allclose(clip.times, np.arange(2 * rate) / rate, atol=2e-3)
    assert clip.fps == pytest.approx(rate)


@pytest.mark.parametrize("count", [1, 3])
def test_very_short_videos(count: int, film: Make) -> None:
    clip = open_video(film(f"short{count}.mp4", "-frames:v", str(count), "-pix_fmt", "yuv420p"))
    assert len(clip) == len(list(clip)) == count
    assert clip.fps > 0


def test_frames_before_the_start_of_a_cut_are_skipped(ffmpeg: Make, plain: Path) -> None:
    cut = ffmpeg("cut.mp4", "-ss", "1.25", "-i", str(plain), "-c", "copy")
    clip = open_video(cut)
    assert len(clip) == len(list(clip)) < 20
    assert clip.times[0] == 0
    assert same(next(iter(clip)), next(islice(open_video(plain), 13, None)))


@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("open.mp4", ["-x264-params", "open-gop=1:keyint=8:min-keyint=8:bframes=3"]),
        ("closed.mp4", ["-g", "8", "-bf", "2"]),
        ("single.mp4", ["-g", "999"]),
        ("every.mp4", ["-g", "1"]),
    ],
)
def test_a_part_and_a_stride_show_the_frames_of_the_whole(
    name: str, options: list[str], film: Make
) -> None:
    path = film(name, "-pix_fmt", "yuv420p", *options, seconds=4)
    whole = list(open_video(path))
    assert len(whole) == 40
    for start in range(0, 38, 5):
        part = list(open_video(path).part(start, start + 2))
        assert all(same(a, b) for a, b in zip(part, whole[start : start + 2], strict=True))
    strided = list(open_video(path, stride=9))
    assert all(same(a, b) for a, b in zip(strided, whole[::9], strict=True))


def test_a_damaged_file_gives_its_readable_part(film: Make, tmp_path: Path) -> None:
    whole = film(
        "long.mp4", "-pix_fmt", "yuv420p", "-g", "10", "-movflags", "faststart",
        size="320x240", seconds=6,
    ).read_bytes()  # fmt: skip
    path = tmp_path / "cut.mp4"
    path.write_bytes(whole[: len(whole) * 55 // 100])
    lengths = set()
    for _ in range(3):
        clip = open_video(path)
        lengths.add(len(list(clip)))
        assert clip.damaged is not None
    assert len(lengths) == 1
    assert 20 < lengths.pop() < 40


def test_a_film_cut_before_its_index_is_refused(plain: Path, tmp_path: Path) -> None:
    path = tmp_path / "cut.mp4"
    path.write_bytes(plain.read_bytes()[:1000])
    with pytest.raises(VideoError, match="cut off or damaged"):
        open_video(path)


def test_files_that_are_no_videos(film: Make, ffmpeg: Make, tmp_path: Path) -> None:
    picture = film("picture.png", "-frames:v", "1").read_bytes()
    contents = {b"": "is empty", b"hello world\n" * 50: "holds text", picture: "is a PNG picture"}
    for content, message in contents.items():
        path = tmp_path / "dance.mp4"
        path.write_bytes(content)
        with pytest.raises(VideoError, match=message) as caught:
            open_video(path)
        assert "dance.mp4" in str(caught.value)
        assert "\n" not in str(caught.value)
    sound = ffmpeg("sound.m4a", "-f", "lavfi", "-i", "sine=duration=1")
    with pytest.raises(VideoError, match="no picture track"):
        open_video(sound)


def test_missing_files_and_folders(tmp_path: Path) -> None:
    with pytest.raises(VideoError, match="no such file"):
        open_video(tmp_path / "nothing.mp4")
    with pytest.raises(VideoError, match="is a folder"):
        open_video(tmp_path)


def test_tiny_pictures_are_refused(film: Make) -> None:
    with pytest.raises(VideoError, match="only 2x2 pixels"):
        open_video(film("tiny.mp4", "-pix_fmt", "yuv420p", size="2x2"))


def same_frames(first: Path, second: Path) -> bool:
    pictures = [np.stack(list(open_video(path))) for path in (first, second)]
    return np.array_equal(*pictures)


def test_transport_streams_are_copied_and_read_whole(ffmpeg: Make, plain: Path) -> None:
    stream = ffmpeg("stream.ts", "-i", str(plain), "-c", "copy")
    assert same_frames(stream, plain)
    assert open_video(stream).fps == pytest.approx(open_video(plain).fps)


def test_films_without_a_length_are_copied_and_read_whole(ffmpeg: Make, plain: Path) -> None:
    whole = ffmpeg("whole.webm", "-i", str(plain), "-c:v", "libvpx")
    recorded = ffmpeg("recorded.webm", "-i", str(whole), "-c", "copy", "-live", "1")
    clip = open_video(recorded)
    assert clip.info.path == recorded
    assert clip.info.copy is not None
    assert same_frames(recorded, whole)


def test_a_copy_goes_with_its_clip(ffmpeg: Make, plain: Path) -> None:
    clip = open_video(ffmpeg("stream.ts", "-i", str(plain), "-c", "copy"))
    copy = clip.info.copy
    assert copy is not None
    assert copy.exists()
    del clip
    assert not copy.parent.exists()


def test_reading_says_nothing(
    film: Make, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "cut.mp4"
    path.write_bytes(film("plain10.mp4", "-pix_fmt", "yuv420p").read_bytes()[:1000])
    with pytest.raises(VideoError):
        open_video(path)
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize("options", [{"fps": 0}, {"fps": float("nan")}, {"stride": 0},
                                     {"frames": 0}])  # fmt: skip
def test_senseless_settings(options: dict[str, float], plain: Path) -> None:
    with pytest.raises(ValueError, match="must be"):
        open_video(plain, **options)  # type: ignore[arg-type]


def test_a_recording_that_was_never_finished_is_copied_and_read(
    plain: Path, tmp_path: Path
) -> None:
    command = [program(), "-v", "quiet", "-i", str(plain), "-c:v", "mjpeg", "-f", "avi", "-"]
    path = tmp_path / "live.avi"
    path.write_bytes(subprocess.run(command, capture_output=True, check=True).stdout)
    clip = open_video(path)
    assert len(list(clip)) == len(clip) == len(open_video(plain))
