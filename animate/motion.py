"""From the driving clip and the reference picture to the skeletons that steer the model."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from animate.config import Resolved
from animate.errors import AnimateError
from animate.framing import Framing
from animate.progress import Progress
from pose.errors import NoPersonError

if TYPE_CHECKING:
    from torch import Tensor

    from pose.skeleton import PoseSequence
    from pose.video import Clip


@dataclass(frozen=True, kw_only=True, eq=False)
class Motion:
    """The poses of a clip: as tracked, and as the result shall follow them.

    tracked: pixels of the driving video. steering: pixels of the result, a frame for each the
    model makes; the first `lead` of them are the reference's own pose and not part of the clip.
    """

    tracked: PoseSequence
    steering: PoseSequence
    lead: int
    look: str

    def draw(self, index: int, size: tuple[int, int] | None = None) -> NDArray[np.uint8]:
        """The skeleton of one frame of the clip as (H, W, 3), at the result's size or another."""
        return self._draw(index + self.lead, size or self.steering.size)

    def control(self, start: int, stop: int) -> Tensor:
        """What the model sees: steering frames start to stop drawn, (n, 3, H, W) in [0, 1]."""
        import torch

        stop = min(stop, len(self.steering))
        drawn = np.stack([self._draw(index, self.steering.size) for index in range(start, stop)])
        return torch.from_numpy(drawn).permute(0, 3, 1, 2).float() / 255.0

    def _draw(self, index: int, size: tuple[int, int]) -> NDArray[np.uint8]:
        from pose.draw import draw

        keypoints, scores = self.steering.frame(index)
        return draw(keypoints, scores, size, look=self.look, source_size=self.steering.size)


def follow(
    clip: Clip,
    picture: NDArray[np.uint8],
    settings: Resolved,
    look: str,
    progress: Progress,
) -> Motion:
    """Track the person in the clip and fit the poses to the body in the reference picture.

    picture: (H, W, 3) as loaded, before it is brought to the result's size.
    Raises pose.PoseError; AnimateError if the reference shows no body to fit to.
    """
    from pose.align import align
    from pose.track import track

    progress("track", 0, len(clip))
    reference = find_reference(picture, settings)  # first: it fails in a second, not in minutes
    tracked = track(
        clip,
        backend=settings.pose_backend,
        progress=lambda done, total: progress("track", done, total),
    )
    aligned = align(tracked, reference, mode=settings.align)
    lead = int(settings.reference_first)
    steering = _in_front(reference, aligned) if lead else aligned
    framing = Framing(reference.size, settings.size)
    placed = replace(steering, keypoints=framing.points(steering.keypoints), size=settings.size)
    return Motion(tracked=tracked, steering=placed, lead=lead, look=look)


def find_reference(picture: NDArray[np.uint8], settings: Resolved) -> PoseSequence:
    """The body in the reference picture; an empty one if none is needed for `align` = "none"."""
    from pose.detect import detect
    from pose.skeleton import PoseSequence

    try:
        return detect(picture, backend=settings.pose_backend)
    except NoPersonError as error:
        if settings.align == "none":
            return PoseSequence.empty((picture.shape[1], picture.shape[0]))
        raise AnimateError(
            "no body found in the reference picture: use one that shows a person from the head "
            "to at least the hips, or --align none to take the poses as they are"
        ) from error


def _in_front(reference: PoseSequence, aligned: PoseSequence) -> PoseSequence:
    """The reference's own pose as frame 0; the clip's first pose where there is none."""
    people = aligned.people
    first, scores = aligned.keypoints[:1], aligned.scores[:1]
    if reference.scores.any():
        first, scores = np.full_like(first, np.nan), np.zeros_like(scores)
        seen = min(people, reference.people)
        first[:, :seen] = reference.keypoints[:1, :seen]
        scores[:, :seen] = reference.scores[:1, :seen]
    return replace(
        aligned,
        keypoints=np.concatenate([first, aligned.keypoints]),
        scores=np.concatenate([scores, aligned.scores]),
        marks=np.concatenate([np.zeros_like(aligned.marks[:1]), aligned.marks]),
        crowd=np.concatenate([aligned.crowd[:1], aligned.crowd]),
        times=np.concatenate([aligned.times[:1], aligned.times]),
    )
