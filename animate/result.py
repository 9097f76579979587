"""What an animation yields: frames that are decoded when asked for, poses, settings."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from animate.audio import Soundtrack
from animate.config import Resolved
from animate.files import check_output, remove_abandoned
from animate.journal import Journal
from animate.progress import Progress, ignore
from animate.video import VideoWriter

if TYPE_CHECKING:
    from torch import Tensor

    from animate.driving import Driving
    from animate.motion import Motion
    from animate.pipelines.video import ControlNeXtVideoPipeline
    from pose.skeleton import PoseSequence
    from temporal.drafts import Drafts

COMPARE_HEIGHT = 480  # pixels; side by side is made to be looked at, however small the model is


@dataclass(frozen=True, kw_only=True, eq=False)
class Result:
    """An animated character. It keeps latents, not pictures: memory stays flat in long clips."""

    settings: Resolved
    motion: Motion
    driving: Driving
    latents: Tensor  # (1, F, C, h, w) on the CPU, without the leading reference frame
    pipeline: ControlNeXtVideoPipeline
    journal: Journal = field(default_factory=Journal)  # of the run; removed when it is saved

    def __len__(self) -> int:
        return int(self.latents.shape[1])

    @property
    def fps(self) -> float:
        """Frames per second of the result."""
        return float(self.driving.fps)

    @property
    def panel_width(self) -> int:
        """Columns of a comparison, the last ones, that show the result."""
        return _at_height(self.settings.size)[0]

    @property
    def poses(self) -> PoseSequence | None:
        """The poses as tracked, in pixels of the driving video; None for finished skeletons."""
        return self.motion.tracked

    @cached_property
    def frames(self) -> NDArray[np.uint8]:
        """All frames at once, (F, H, W, 3) RGB; `stream` holds only a few."""
        return np.stack(list(self.stream()))

    def stream(self) -> Iterator[NDArray[np.uint8]]:
        """One frame (H, W, 3) RGB after the other, decoded a few at a time."""
        from animate.devices import decode_in_less_memory

        if "frames" in self.__dict__:  # decoded before
            yield from self.frames
        else:
            yield from decode_in_less_memory(
                self.pipeline, self.latents[0], self.settings.decode_chunk, self._drafts()
            )

    def _drafts(self) -> Drafts | None:
        """The drafts that the model was shown, without the leading reference frame."""
        from temporal.drafts import from_frame

        drafts = self.motion.drafts
        if drafts is None or not self.settings.control_scale:
            return None
        return from_frame(drafts, self.motion.lead)

    def save(
        self,
        path: str | os.PathLike[str],
        *,
        audio: bool = True,
        compare: bool = False,
        comparison: str | os.PathLike[str] | None = None,
        overwrite: bool = True,
        progress: Progress | None = None,
    ) -> Path:
        """Write the video as H.264, with the driving video's sound, and return its path.

        compare: driving video, skeleton and result side by side instead of the result alone.
        comparison: a second file for that, written in the same pass. A file appears only when it
        is whole. Raises UsageError for an unknown container, OutputError if it cannot be written,
        temporal.DivergenceError if the decoded frames are no pictures.
        """
        path = Path(path)
        progress = progress or ignore
        targets = {path: compare} if comparison is None else {path: compare, Path(comparison): True}
        for target in targets:
            check_output(target, overwrite=overwrite)
            remove_abandoned(target)
        with ExitStack() as stack:
            writers = [
                (stack.enter_context(self._writer(target, beside, audio)), beside)
                for target, beside in targets.items()
            ]
            progress("decode", 0, len(self))
            pictures = self._with_panels() if any(targets.values()) else self._without_panels()
            for done, (frame, panels) in enumerate(pictures, start=1):
                for writer, beside in writers:
                    writer.write(panels if beside else frame)
                progress("decode", done, len(self))
            for writer, _ in writers:  # all are whole before the first gets its name
                writer.finish()
        self.journal.remove()
        return path

    def _writer(self, path: Path, beside: bool, audio: bool) -> VideoWriter:
        size = self._compare_size() if beside else self.settings.size
        sound = audio and self.driving.film is not None and self.driving.path.is_file()
        return VideoWriter(path, size, self.fps, self._soundtrack() if sound else None)

    def _soundtrack(self) -> Soundtrack:
        return Soundtrack(
            source=self.driving.path,
            start=max(0.0, float(self.driving.times[0])),
            duration=len(self) / self.fps,
        )

    def _without_panels(self) -> Iterator[tuple[NDArray[np.uint8], NDArray[np.uint8]]]:
        return ((frame, frame) for frame in self.stream())

    def _with_panels(self) -> Iterator[tuple[NDArray[np.uint8], NDArray[np.uint8]]]:
        """Every frame of the result, and it beside driving frame and skeleton at one height."""
        seen = self.driving.pictures
        driving = iter(seen) if seen is not None else None
        for index, frame in enumerate(self.stream()):
            skeleton = self.motion.draw(index, size=_at_height(self.settings.size))
            panels = [skeleton, _fit(frame)]
            if driving is not None:
                panels.insert(0, _fit(next(driving)))
            yield frame, np.concatenate(panels, axis=1)

    def _compare_size(self) -> tuple[int, int]:
        driving = _at_height(self.driving.size)[0] if self.driving.pictures is not None else 0
        result, height = _at_height(self.settings.size)
        return driving + 2 * result, height


def _at_height(size: tuple[int, int]) -> tuple[int, int]:
    """(width, height) of a panel of the comparison, its aspect ratio kept."""
    width, height = size
    return max(2, round(width * COMPARE_HEIGHT / height)), COMPARE_HEIGHT


def _fit(frame: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """A frame (H, W, 3) as a panel of the comparison."""
    from PIL import Image

    size = _at_height((frame.shape[1], frame.shape[0]))
    return np.asarray(Image.fromarray(frame).resize(size, Image.Resampling.LANCZOS))
