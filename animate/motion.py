"""From the driving source and the reference picture to the skeletons that steer the model."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from animate.config import Resolved, Settings
from animate.driving import Driving, find_poses
from animate.errors import AnimateError
from animate.framing import Framing, frame_body
from animate.journal import Journal
from animate.progress import Progress
from pose.errors import NoPersonError

if TYPE_CHECKING:
    from torch import Tensor

    from pose.puppet import Puppet
    from pose.skeleton import PoseSequence
    from pose.skeletons import Skeletons
    from temporal.drafts import Drafts


Size = tuple[int, int]  # width, height


@dataclass(frozen=True, kw_only=True, eq=False)
class Motion:
    """The motion as found, and as the result shall follow it.

    tracked: pixels of the driving source; None if that is finished skeletons, `drawn`.
    steering: pixels of the result, a frame for each the model makes; the first `lead` of them
    are the reference's own pose and not part of the clip.
    """

    tracked: PoseSequence | None
    steering: PoseSequence | None
    drawn: Skeletons | None
    reference: PoseSequence | None  # its own pose, in pixels of the result
    puppet: Puppet | None = None  # the reference at the result's size, to be bent
    framing: Framing  # of the reference in the result
    lead: int
    look: str

    @property
    def size(self) -> Size:
        """(width, height) of the result."""
        return self.framing.size

    def __len__(self) -> int:
        """Frames that the model makes."""
        if self.drawn is not None:
            return len(self.drawn) + self.lead
        assert self.steering is not None
        return len(self.steering)

    def draw(self, index: int, size: tuple[int, int] | None = None) -> NDArray[np.uint8]:
        """The skeleton of one frame of the clip as (H, W, 3), at the result's size or another."""
        return self._draw(index + self.lead, size or self.size)

    def control(self, start: int, stop: int) -> Tensor:
        """What the model sees: steering frames start to stop drawn, (n, 3, H, W) in [0, 1]."""
        shown = range(start, min(stop, len(self)))
        return _to_share([self._draw(index, self.size) for index in shown])

    @property
    def drafts(self) -> Drafts | None:
        """Drafts of steering frames start to stop, (n, 3, H, W), for a model that sees them.

        None without a puppet, and where finished skeletons tell nothing of the bodies.
        """
        puppet, steering = self.puppet, self.steering
        if puppet is None or steering is None:
            return None

        def bent(start: int, stop: int) -> Tensor:
            shown = range(start, min(stop, len(steering)))
            return _to_share([puppet.bend(steering.frame(index)) for index in shown])

        return bent

    def reference_control(self) -> Tensor | None:
        """The reference's own skeleton, (3, H, W) in [0, 1]; None if none is known."""
        from pose.draw import draw

        if self.reference is None:
            return None
        drawn = draw(*self.reference.frame(0), self.size, look=self.look)
        return _to_share([drawn])[0]

    def _draw(self, index: int, size: tuple[int, int]) -> NDArray[np.uint8]:
        from pose.draw import draw

        if self.drawn is not None:
            picture = self.drawn[max(index - self.lead, 0)]
            return Framing((picture.shape[1], picture.shape[0]), size).picture(picture)
        assert self.steering is not None
        keypoints, scores = self.steering.frame(index)
        return draw(keypoints, scores, size, look=self.look, source_size=self.size)


@dataclass(frozen=True, kw_only=True, eq=False)
class Found:
    """The bodies in the driving source and in the reference.

    Finished skeletons are taken as they are: no body is known, and none is looked for in the
    reference but for a model that wants to see it (``with_reference``).
    """

    tracked: PoseSequence | None
    reference: PoseSequence | None


def find(
    driving: Driving,
    picture: NDArray[np.uint8],
    asked: Settings,
    *,
    progress: Progress,
    journal: Journal,
    tracked: PoseSequence | None = None,
) -> Found:
    """Find the poses of the clip and of the reference, or what `journal` knows; needs no model.

    picture: (H, W, 3) as loaded, before it is brought to the result's size. tracked: the clip's
    poses, where they are known already.
    Raises pose.PoseError; AnimateError if the reference shows no body to fit to.
    """
    if driving.skeletons is not None:
        return Found(tracked=None, reference=None)
    progress("track", 0, len(driving))
    reference, tracked = journal.poses("reference"), tracked or journal.poses("driving")
    if reference is None:
        reference = find_reference(picture, asked)  # first: it fails in a second, not in minutes
        journal.keep_poses("reference", reference)
    if tracked is None:
        tracked = find_poses(driving, asked, progress)
        journal.keep_poses("driving", tracked)
    elif driving.film is not None and len(tracked) < len(driving.film):
        driving.film.damaged = float(driving.film.times[len(tracked)])  # as reading would find
    progress("track", len(driving), len(driving))
    return Found(tracked=tracked, reference=reference)


def with_reference(found: Found, picture: NDArray[np.uint8], asked: Settings) -> Found:
    """The same, with the body in the reference picture if one is there to be seen."""
    if found.reference is not None:
        return found
    return replace(found, reference=find_reference(picture, replace(asked, align="none")))


def place(
    driving: Driving,
    found: Found,
    picture: NDArray[np.uint8],
    settings: Resolved,
    look: str,
    *,
    drafted: bool = False,
) -> Motion:
    """Fit the poses to the reference's body and bring them to the result's size.

    picture: the reference, (H, W, 3). drafted: make a puppet of it, for a model that sees drafts.
    Limbs that the clip does not show are held as in the reference, see `pose.complete`.
    """
    from pose.align import align
    from pose.complete import complete
    from pose.cut import without_cut_legs
    from pose.puppet import Puppet

    lead = int(settings.reference_first)
    # The official code keeps the middle, and so do finished skeletons, which say where to be.
    beside_body = driving.skeletons is None and not settings.official
    framing = frame_body(picture, found.reference if beside_body else None, settings.size)
    steering = own = puppet = None
    if found.reference is not None:
        own = _framed(found.reference, framing)
    if found.tracked is not None and found.reference is not None:
        tracked = without_cut_legs(found.tracked) if completes(settings) else found.tracked
        aligned = align(tracked, found.reference, mode=settings.align)
        if completes(settings):
            aligned = complete(aligned, found.reference)
        steering = _in_front(found.reference, aligned) if lead else aligned
        steering = _framed(steering, framing)
    if drafted and own is not None:
        puppet = Puppet(framing.picture(picture), own.frame(0))
    return Motion(
        tracked=found.tracked,
        steering=steering,
        reference=own,
        puppet=puppet,
        drawn=driving.skeletons,
        framing=framing,
        lead=lead,
        look=look,
    )


def completes(settings: Settings | Resolved) -> bool:
    """Whether limbs that the clip does not show are held as in the reference."""
    return settings.align != "none" and not settings.official


def find_reference(picture: NDArray[np.uint8], asked: Settings) -> PoseSequence:
    """The body in the reference picture; an empty one if none is needed for `align` = "none"."""
    from pose.backends import with_device
    from pose.detect import detect
    from pose.skeleton import PoseSequence

    try:
        return detect(picture, backend=with_device(asked.pose_backend, asked.device))
    except NoPersonError as error:
        if asked.align == "none":
            return PoseSequence.empty((picture.shape[1], picture.shape[0]))
        raise AnimateError(
            "no body found in the reference picture: use one that shows a person from the head "
            "to at least the hips, or --align none to take the poses as they are"
        ) from error


def _to_share(pictures: list[NDArray[np.uint8]]) -> Tensor:
    """Pictures (H, W, 3) as (n, 3, H, W) in [0, 1]."""
    import torch

    return torch.from_numpy(np.stack(pictures)).permute(0, 3, 1, 2).float() / 255.0


def _framed(poses: PoseSequence, framing: Framing) -> PoseSequence:
    """Poses in a picture's pixels, in those of the result it is brought to."""
    return replace(poses, keypoints=framing.points(poses.keypoints), size=framing.size)


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
