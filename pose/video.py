"""The one reader of the project: videos frame by frame."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from pose.boxes import says_too_many
from pose.decoder import load_decord
from pose.errors import VideoError
from pose.ffmpeg import MOST_PIXELS, read_frames
from pose.pictures import load_image
from pose.quiet import quiet_stderr
from pose.repack import Copy, repack
from pose.skeleton import Floats, Frame
from pose.sniff import (
    explain_unreadable,
    first_bytes,
    is_transport_stream,
    is_unfinished_avi,
    picture_kind,
)

__all__ = ["Clip", "VideoInfo", "load_image", "open_video", "probe"]

LEAST_SIDE = 16  # pixels; nothing smaller can show a person
FALLBACK_FPS = 25.0  # for files that state no usable rate
# The rate counts as variable if more than 1 % of the intervals are off by more than 20 %:
# containers with millisecond clocks stay below, phones that drop frames do not.
IRREGULAR_INTERVAL, IRREGULAR_SHARE = 0.2, 0.01
NO_TIME = -1e9  # seconds; where an AVI does not say when a frame is shown, decord gives less
QUICK_QUANTILE = 0.25  # this interval sets the rate of an irregular video


@dataclass(frozen=True, kw_only=True)
class VideoInfo:
    """What is known of a video: size in pixels as it is to be seen, rate in frames per second.

    copy: of the film without loss, which is read in its place where it had to be made
    (`pose.repack`).
    """

    path: Path
    width: int
    height: int
    fps: float
    frames: int
    duration: float  # seconds
    variable: bool = False  # whether the frames come at irregular times
    copy: Path | None = None

    @property
    def file(self) -> Path:
        """What is read."""
        return self.copy or self.path


class Clip:
    """Frames of a video at a steady rate, decoded one by one while being iterated.

    Iterating gives (H, W, 3) uint8 RGB frames and may be repeated; a frame may be the same array
    as the one before. A damaged file ends early: `damaged` then holds the time in seconds.
    """

    def __init__(
        self,
        info: VideoInfo,
        indices: NDArray[np.int64],
        times: Floats,
        fps: float,
        copy: Copy | None = None,
    ) -> None:
        self.info = info
        self._copy = copy  # to be there as long as the clip
        self.indices = indices
        self.times = times
        self.fps = fps
        self.damaged: float | None = None

    def __len__(self) -> int:
        return len(self.indices)

    @property
    def size(self) -> tuple[int, int]:
        """Width and height in pixels."""
        return self.info.width, self.info.height

    def __iter__(self) -> Iterator[Frame]:
        return self.part(0, len(self))

    def part(self, start: int, stop: int) -> Iterator[Frame]:
        """Frames start to stop, the very ones that iterating gives there."""
        wanted = self.indices[start:stop]
        if not len(wanted):
            return
        with closing(read_frames(self.info.file, int(wanted[0]))) as frames:
            number, frame = int(wanted[0]), next(frames, None)
            for position, index in enumerate(wanted, start=start):
                while number < index and frame is not None:
                    number, frame = number + 1, next(frames, None)
                if frame is None:
                    self.damaged = float(self.times[position])
                    if position == 0:
                        raise _nothing_readable(self.info.path)
                    return
                yield frame


def probe(path: str | os.PathLike[str]) -> VideoInfo:
    """Read the facts of a video, and its first frame to be sure. Raises VideoError."""
    return replace(_examine(path)[0], copy=None)  # a copy goes with its clip


def open_video(
    path: str | os.PathLike[str],
    *,
    fps: float | None = None,
    stride: int = 1,
    frames: int | None = None,
) -> Clip:
    """Open a video at a steady rate; only the frames that are wanted will be converted.

    fps: resample to this rate by time (default: the video's own rate; an irregular video is
    resampled to its usual rate); stride: then take every n-th frame; frames: at most so
    many. The clip's rate is fps / stride. Raises VideoError if the file cannot be read and
    ValueError for settings that make no sense.
    """
    check_selection(fps, stride, frames)
    info, starts, copy = _examine(path)
    rate = info.fps if fps is None else float(fps)
    if fps is None and not info.variable:
        indices = np.arange(len(starts))
        times = starts - starts[0]
    else:
        times = np.arange(max(round(info.duration * rate), 1)) / rate
        indices = _nearest(starts - starts[0], times)
    chosen = slice(None, None if frames is None else frames * stride, stride)
    return Clip(info, indices[chosen], times[chosen], rate / stride, copy)


def check_selection(fps: float | None, stride: int, frames: int | None) -> None:
    """Raise ValueError for a choice of frames that makes no sense."""
    if fps is not None and not (np.isfinite(fps) and fps > 0):
        raise ValueError(f"fps must be a positive number, got {fps}")
    if stride < 1 or (frames is not None and frames < 1):
        raise ValueError(f"stride and frames must be at least 1, got {stride} and {frames}")


def _nearest(starts: Floats, times: Floats) -> NDArray[np.int64]:
    """For each time the frame that starts closest to it; starts must not decrease."""
    after = np.searchsorted(starts, times).clip(1, max(len(starts) - 1, 1))
    before = after - 1
    after = np.minimum(after, len(starts) - 1)
    closer = starts[after] - times < times - starts[before]
    return np.where(closer, after, before)


def _examine(path: str | os.PathLike[str]) -> tuple[VideoInfo, Floats, Copy | None]:
    """Facts, the start times of the frames that are shown, and the copy that was needed."""
    path = Path(path)
    try:
        str(path).encode()
    except UnicodeEncodeError:
        raise VideoError(f"{str(path)!a}: the name is no text; rename the file") from None
    (spans, average), copy = _counted(path)
    file = path if copy is None else copy.file
    with closing(read_frames(file)) as frames:
        frame = next(frames, None)
    if frame is None:
        raise _nothing_readable(path)
    height, width = frame.shape[:2]
    if min(width, height) < LEAST_SIDE:
        raise VideoError(
            f"{path}: the picture is only {width}x{height} pixels; "
            f"a person needs at least {LEAST_SIDE}x{LEAST_SIDE}"
        )
    starts = np.maximum.accumulate(spans[shown_first(spans[:, 0]) :, 0])
    rate, variable = _rate(starts, average)
    info = VideoInfo(
        path=path,
        copy=None if copy is None else copy.file,
        width=width,
        height=height,
        fps=rate,
        frames=len(starts),
        duration=float(max(spans[-1, 1] - starts[0], len(starts) / rate if not variable else 0.0)),
        variable=variable,
    )
    return info, starts, copy


def shown_first(starts: Floats) -> int:
    """The number of the first frame that ffmpeg gives, by the times (F,) at which frames start.

    Cut without re-encoding, a file begins with frames before time 0 that players do not show.
    """
    shown = np.flatnonzero(starts > -1e-3)
    return int(shown[0]) if len(shown) else 0


def _nothing_readable(path: Path) -> VideoError:
    return VideoError(
        f"{path}: no frame can be decoded, the file is damaged; copy or download it again (or its "
        f"picture has more than {MOST_PIXELS // 10**6} million pixels; then scale it down)"
    )


def _rate(starts: Floats, average: float) -> tuple[float, bool]:
    """Frames per second, and whether the frames come irregularly."""
    steps = np.diff(starts)
    usual = float(np.median(steps)) if len(steps) else 0.0
    if usual > 0 and (np.abs(steps / usual - 1) > IRREGULAR_INTERVAL).mean() > IRREGULAR_SHARE:
        # Of a film that slows down in the dark, the faster part should keep its frames.
        quick = float(np.quantile(steps, QUICK_QUANTILE))
        return round(1.0 / (quick if quick > 0 else usual), 3), True
    if usual > 0 and not 0.5 < average * usual < 2:  # decord calls all DV 60,000 frames a second
        return round(1.0 / usual, 3), False
    if np.isfinite(average) and average > 0:
        return float(average), False
    return FALLBACK_FPS, False


def _counted(path: Path) -> tuple[tuple[Floats, float], Copy | None]:
    """What `_spans` tells, of a copy where the file itself cannot be counted."""
    try:
        return _spans(path), None
    except VideoError:
        copy = repack(path)
        if copy is None:
            raise
        try:
            return _spans(copy.file), copy
        except VideoError:
            raise VideoError(explain_unreadable(path)) from None


def _spans(path: Path) -> tuple[Floats, float]:
    """Start and end of every frame in seconds, (frames, 2), and the average rate."""
    decord = load_decord()
    head = first_bytes(path)
    # decord opens some pictures and then finds no frame in them. Of a transport stream it leaves
    # out frames at the start and counts some at the end twice.
    refused = not path.is_file() or picture_kind(head) or is_transport_stream(head)
    if refused or is_unfinished_avi(head, path.stat().st_size) or says_too_many(path):
        raise VideoError(explain_unreadable(path))
    decord.logging.set_level(decord.logging.QUIET)
    try:
        with quiet_stderr():
            reader = decord.VideoReader(str(path))
            stamps = reader.get_frame_timestamp(range(len(reader)))
            average = float(reader.get_avg_fps())
    except (decord.DECORDError, RuntimeError, AssertionError) as error:
        raise VideoError(explain_unreadable(path)) from error
    spans = np.asarray(stamps, dtype=np.float64)
    if (spans < NO_TIME).any():
        raise VideoError(f"{path}: its frames have no times")
    return spans, average
