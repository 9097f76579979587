"""The ways of persons through a video: what is seen in each frame, linked to who it belongs to."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from pose.likeness import nearness, overlap, seen_joints, size_fit, size_of
from pose.skeleton import Floats

# Seconds. A person who is lost goes on as before for CARRY, then waits there; who comes back in
# the same place and size within RETURN is the same person, later a new one.
CARRY, RETURN = 1.0, 3.0
RECENT = 0.25  # who was seen within this time is served before those who are lost
STEADY = 0.2  # time constant of the velocity
# How far a joint may be from where it is expected, at one standard deviation: parts of the
# person's size, at once and for every second since it was seen. Dancers' hands are fast.
REACH, REACH_PER_SECOND = 0.25, 0.75
LEAST_LIKENESS = 0.05  # below, it is somebody else


@dataclass(frozen=True, eq=False)
class Sighting:
    """A person in one frame: keypoints (133, 2) and scores (133,), and the box (4,) around."""

    keypoints: Floats
    scores: Floats
    box: Floats

    def moved(self, shift: Floats) -> Sighting:
        """The same person shift (2,) pixels further."""
        box = self.box + np.tile(shift, 2)
        return replace(self, keypoints=self.keypoints + shift, box=box)


@dataclass(eq=False)
class Path:
    """One person's way: sightings by frame, the last of them, and the velocity (2,) in pixels/s."""

    sightings: dict[int, Sighting] = field(default_factory=dict)
    last: Sighting | None = None
    frame: int = -1
    time: float = 0.0
    velocity: Floats = field(default_factory=lambda: np.zeros(2))

    @classmethod
    def joined(cls, paths: Sequence[Path]) -> Path:
        """One way of several that share no frame."""
        return cls({frame: seen for path in paths for frame, seen in path.sightings.items()})

    def add(self, frame: int, time: float, seen: Sighting) -> None:
        """Go on to where the person is seen now."""
        if self.last is not None and time > self.time:
            span = time - self.time
            change = _shift(self.last, seen) / span - self.velocity
            self.velocity = self.velocity + change * (1 - np.exp(-span / STEADY))
        self.sightings[frame] = seen
        self.last, self.frame, self.time = seen, frame, time

    def expected(self, time: float, size: tuple[int, int]) -> Sighting:
        """Where the person should be at a time; who walks out of the picture waits at its rim."""
        assert self.last is not None
        middle = (self.last.box[:2] + self.last.box[2:]) / 2
        ahead = middle + self.velocity * min(time - self.time, CARRY)
        inside = np.clip(ahead, np.minimum(middle, 0), np.maximum(middle, size))
        return self.last.moved(inside - middle)


def follow(
    frames: Sequence[Sequence[Sighting]], times: Floats, size: tuple[int, int]
) -> list[Path]:
    """The ways of all persons, by their first sighting.

    frames: who is seen in each; times (F,) seconds; size (width, height). In each frame those just
    seen, and then the lost ones, get the sightings that are most like what is expected of them,
    by an optimal assignment.
    """
    paths: list[Path] = []
    for number, (people, time) in enumerate(zip(frames, times, strict=True)):
        left = list(people)
        present = [path for path in paths if time - path.time <= RETURN]
        recent = [p for p in present if number - p.frame <= 1 or time - p.time <= RECENT]
        lost = [path for path in present if path not in recent]
        for group in (recent, lost):
            for path, seen in _assigned(group, left, float(time), size):
                path.add(number, float(time), seen)
                left.remove(seen)
        for seen in left:
            path = Path()
            path.add(number, float(time), seen)
            paths.append(path)
    return paths


def _assigned(
    paths: list[Path], people: list[Sighting], time: float, size: tuple[int, int]
) -> list[tuple[Path, Sighting]]:
    """Who is who: the pairs with the greatest likeness in all, without impossible ones."""
    if not paths or not people:
        return []
    table = np.array([[_likeness(path, seen, time, size) for seen in people] for path in paths])
    table[table < LEAST_LIKENESS] = 0.0
    if table.size == 1:
        rows, columns = np.zeros(1, int), np.zeros(1, int)
    else:
        from scipy.optimize import linear_sum_assignment  # slow to import, rarely needed

        rows, columns = linear_sum_assignment(table, maximize=True)
    return [
        (paths[row], people[column])
        for row, column in zip(rows, columns, strict=True)
        if table[row, column] > 0
    ]


def _likeness(path: Path, seen: Sighting, time: float, size: tuple[int, int]) -> float:
    """How well a sighting is what is expected of a person, in [0, 1]: half place, half pose."""
    expected = path.expected(time, size)
    own, other = float(size_of(expected.box)), float(size_of(seen.box))
    reach = own * (REACH + REACH_PER_SECOND * (time - path.time))
    pose = nearness(expected.keypoints, expected.scores, seen.keypoints, seen.scores, reach)
    return (overlap(expected.box, seen.box) + pose * size_fit(own, other)) / 2


def _shift(before: Sighting, after: Sighting) -> Floats:
    """How far (2,) a person went: the median of the joints seen both times, or of the boxes."""
    shared = seen_joints(before.scores) & seen_joints(after.scores)
    if shared.any():
        return np.asarray(np.median((after.keypoints - before.keypoints)[shared], axis=0))
    return np.asarray((after.box - before.box).reshape(2, 2).mean(axis=0))
