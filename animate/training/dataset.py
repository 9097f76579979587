"""A prepared data set as a source of samples: clips for video training, pictures for stills."""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from animate.checks import check_choice, check_count, check_number
from animate.config import LOOKS
from animate.errors import AnimateError, UsageError
from animate.training.batches import PART_WEIGHTS, REFERENCE_LOSS, track_like
from animate.training.crop import Crop, Size, choose_crop, nearest_shape
from animate.training.data import Sample, SampleError
from animate.training.emphasis import parts_of
from animate.training.prepare.index import DatasetError, Row, read_index
from animate.training.prepare.reader import MEMORY, Reader
from animate.training.prepare.registry import annotator
from pose.bones import Pose
from pose.draw import draw
from pose.errors import PoseError
from pose.figure import fill
from pose.likeness import boxes_of
from pose.puppet import Puppet
from pose.skeleton import PoseSequence

Frames = NDArray[np.uint8]

POSE = "pose"
APART = 0.5  # seconds between a sample's frames and its reference, where the clip has room
BROKEN = (AnimateError, PoseError, OSError, ValueError, KeyError, EOFError, zlib.error)


class PreparedDataset:
    """Samples of a data set that `animate prepare` made.

    folder: the data set. frames: of a sample; 1 draws from photographs too. sizes: (width, height)
    each; a clip goes to the one of its proportions. fps: rate of a sample's frames, None for each
    clip's own. control: `pose`, drawn with this `look`, or the name of an annotator. noise: what a
    tracker does is added to the skeletons. emphasis: hands, head and body weigh more in the loss.
    drafts: also bend the reference into each frame's pose.
    memory: bytes; decoded clips are kept if all of them fit into so many.
    The reference is another frame of the clip; of a photograph it is the photograph.
    Raises DatasetError if nothing in the folder fits, UsageError for values without sense.
    """

    def __init__(
        self,
        folder: str | Path,
        *,
        frames: int,
        sizes: Sequence[Size],
        fps: float | None = None,
        control: str = POSE,
        look: str = "soft",
        noise: bool = True,
        emphasis: bool = True,
        drafts: bool = False,
        memory: int = MEMORY,
    ) -> None:
        check_count("frames", frames, at_least=1)
        check_number("fps", fps, above=0.0)
        check_choice("look", look, LOOKS)
        if not sizes or any(min(size) < 1 for size in sizes):
            raise UsageError(f"sizes expects pairs of width and height in pixels, got {sizes}")
        self.folder, self.frames, self.fps = Path(folder), frames, fps
        self.sizes: list[Size] = [(int(width), int(height)) for width, height in sizes]
        self.control, self.look, self.noise, self.emphasis = control, look, noise, emphasis
        self.drafts = drafts
        self._quick = control != POSE and annotator(control).quick
        rows = read_index(self.folder)
        groups: list[list[Row]] = [[] for _ in self.sizes]
        for row in filter(self._fits, rows):
            groups[nearest_shape((row.width, row.height), self.sizes)].append(row)
        self.groups = groups
        self.reader = Reader(self.folder, (row for group in groups for row in group), memory)
        if not len(self):
            raise DatasetError(
                f"{folder}: none of {len(rows)} clips has {frames} frames"
                + (f" at {fps:g} a second" if fps else "")
                + f" and {control} control; prepare more or longer ones, or ask for fewer frames"
            )

    def __len__(self) -> int:
        """How many clips and photographs it draws from."""
        return sum(len(group) for group in self.groups)

    def bucket(self, rng: np.random.Generator) -> int:
        """The place of a size in `sizes`, as often as there are clips for it."""
        return int(rng.choice(len(self.sizes), p=[len(g) / len(self) for g in self.groups]))

    def sample(self, bucket: int, rng: np.random.Generator) -> Sample:
        """Draw a clip of that size, a stretch of it, and a part of the picture."""
        group = self.groups[bucket]
        row = group[int(rng.integers(len(group)))]
        try:
            return self._sample(row, self.sizes[bucket], rng)
        except BROKEN as error:
            raise SampleError(f"{self.folder.name}/{row.name}: {error}") from error

    def _fits(self, row: Row) -> bool:
        enough = self.frames == 1 if row.still else self._span(row) <= row.frames
        if self.control == POSE:
            return enough and bool(row.poses)
        return enough and (self._quick or self.control in row.controls)

    def _step(self, row: Row) -> float:
        """Frames of the clip from one frame of a sample to the next."""
        return 1.0 if row.still or self.fps is None else row.fps / self.fps

    def _span(self, row: Row) -> int:
        return round((self.frames - 1) * self._step(row)) + 1

    def _sample(self, row: Row, size: Size, rng: np.random.Generator) -> Sample:
        shown, reference = self._choose_frames(row, rng)
        pictures = self.reader.frames(row, row.clip, [*shown, reference])
        poses = self.reader.poses(row)
        crop = choose_crop((row.width, row.height), size, _box(poses, shown), rng)
        frames = np.stack([crop.picture(picture) for picture in pictures[:-1]])
        seen = crop.picture(pictures[-1])
        if self.control == POSE and poses is not None:
            steered = self._steered(poses, [*shown, reference], seen, crop, rng)
        else:
            steered = {"control": self._maps(row, frames, shown, crop)}
        return Sample(
            frames=frames,
            reference=seen,
            control=steered["control"],
            reference_control=steered.get("reference_control"),
            drafts=steered.get("drafts"),
            weight=_weights(poses, shown, crop) if self.emphasis and poses is not None else None,
            caption=row.caption,
            name=row.name,
        )

    def _choose_frames(self, row: Row, rng: np.random.Generator) -> tuple[list[int], int]:
        """A sample's frames, and one apart from them in time for the reference."""
        span = self._span(row)
        first = int(rng.integers(row.frames - span + 1))
        steps = np.rint(np.arange(self.frames) * self._step(row)).astype(int)
        away = np.arange(row.frames)
        away = np.maximum(first - away, away - (first + span - 1))  # frames from the stretch
        far = np.flatnonzero(away >= min(APART * row.fps, away.max()))
        return (first + steps).tolist(), int(rng.choice(far))

    def _maps(self, row: Row, frames: Frames, shown: list[int], crop: Crop) -> Frames:
        """Control maps (F, H, W, 3) of another kind than poses."""
        if self._quick:
            make = annotator(self.control).make
            return np.stack([make(frame) for frame in frames])
        stored = self.reader.frames(row, row.controls[self.control], shown)
        return np.stack([crop.picture(picture) for picture in stored])

    def _steered(
        self,
        poses: PoseSequence,
        places: list[int],
        reference: Frames,
        crop: Crop,
        rng: np.random.Generator,
    ) -> dict[str, Frames]:
        """What shows the poses at ``places``, the last of which is the reference's.

        Now and then the reference's own is lost, as if nobody had been found there.
        """
        found = [self._tracked(poses, place, crop, rng) for place in places]
        if self.noise and rng.random() < REFERENCE_LOSS:
            found[-1] = (found[-1][0], found[-1][1] * 0)
        drawn = np.stack([draw(*pose, crop.size, look=self.look) for pose in found])
        steered = {"control": drawn[:-1], "reference_control": drawn[-1]}
        if self.drafts:
            puppet = Puppet(reference, found[-1], complete=fill)
            steered["drafts"] = np.stack([puppet.bend(pose) for pose in found[:-1]])
        return steered

    def _tracked(
        self, poses: PoseSequence, place: int, crop: Crop, rng: np.random.Generator
    ) -> Pose:
        """Keypoints (P, 133, 2) in the crop and scores (P, 133), with a tracker's noise."""
        points, scores = poses.frame(place)
        points = crop.points(points)
        if not self.noise or not len(points):
            return points, scores
        found = [
            track_like(point.astype(np.float32), score.astype(np.float32), min(crop.size), rng)
            for point, score in zip(points, scores, strict=True)
        ]
        return np.array([point for point, _ in found]), np.array([score for _, score in found])


def _box(poses: PoseSequence | None, shown: list[int]) -> NDArray[np.float64] | None:
    """What all persons cover over these frames, inside the picture: (4,); None for nobody."""
    if poses is None or not poses.people:
        return None
    boxes = boxes_of(poses.keypoints[shown], poses.scores[shown]).reshape(-1, 4)
    boxes = boxes[np.isfinite(boxes).all(axis=-1)]
    if not len(boxes):
        return None
    box = np.concatenate([boxes[:, :2].min(axis=0), boxes[:, 2:].max(axis=0)])
    return np.asarray(box.clip(0, [*poses.size, *poses.size]))


def _weights(poses: PoseSequence, shown: list[int], crop: Crop) -> NDArray[np.float32]:
    """Loss weights (F, H, W)."""
    parts = [
        parts_of(crop.points(points), scores, crop.size)
        for points, scores in map(poses.frame, shown)
    ]
    return np.asarray(PART_WEIGHTS, np.float32)[np.stack(parts)]
