"""Arms and hands that a picture does not show, for poses that do: round, in a colour of its own."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from pose.bone import Bone, Head
from pose.bones import ARM_PARTS, ARMS, HEAD, PARTS, TORSO, TWINS, Bones
from pose.skeleton import Floats, Frame

# Half of what is seen of upper arm, forearm, palm and a finger across, in the breadths of their
# bones, which leave room for clothes (pose.bones.ARMS): 50, 38, 40 and 10 mm of a torso of 0.5 m.
WIDTHS = (0.7, 0.7, 0.8, 0.6)
SHADE = 0.35  # by so much edges are darker, or fingers before a palm could not be told apart
ELBOW = 0.3  # of an upper arm: the end whose colour goes on in the forearm
# In breadths of head and torso, where skin and sleeve are looked at: around the middle of a face,
# and beside the spine, as high as the armpits.
CHEEKS, ARMPIT, ASIDE, SLEEVE = 0.25, 0.25, 0.6, 0.2
DISTINCT = 40  # grey levels; where a hand is only guessed to be, there may still be sleeve
SIDE = len(ARM_PARTS) // 2  # parts of one arm: upper arm, forearm, palm, and three of each finger
FORE, PALM, FINGERS = len(ARMS) - 1, len(ARMS), len(ARMS) + 1
BONES_OF_FINGER = 3

Flags = NDArray[np.bool_]
Seen = tuple[Frame, Flags, NDArray[np.int32]]  # a picture, which pixels count, whose each is


class PlainArms:
    """What is to be painted of one figure's arms where neither of them is seen in its picture."""

    def __init__(self, body: Seen, arms: Seen, place: int, bones: Bones) -> None:
        """body, arms: what is seen of all figures; place: the number of this one among them."""
        self._body, self._arms, self._bones = body, arms, bones
        self._first = place * PARTS
        self._colours = dict(self._missing())

    def paint(self, shown: NDArray[np.float32], asked: Bones) -> None:
        """Paint what is missing of a figure in a pose into a picture (H, W, 3)."""
        for parts, width in _limbs():
            colour = self._colours.get(parts[0])
            bones = [bone for part in parts if (bone := asked[part]) is not None]
            if colour is not None and bones:
                _paint_round(shown, bones, width, colour)

    def _missing(self) -> Iterator[tuple[int, Floats]]:
        """The first part of every limb that is missing, and its colour if that is known."""
        skin = self._skin()
        for parts, _ in _limbs():
            if any(self._is_seen(part) or self._is_seen(TWINS[part]) for part in parts):
                continue
            kind = (parts[0] - ARM_PARTS.start) % SIDE
            colour = skin if kind >= PALM else self._cloth(parts[0] - kind)
            if colour is not None:
                yield parts[0], colour

    def _is_seen(self, part: int) -> bool:
        _, counted, labels = self._arms
        return self._bones[part] is not None and bool(
            (counted & (labels == self._first + part)).any()
        )

    def _cloth(self, arm: int) -> Floats | None:
        """The colour at an elbow, of any arm, or else beside an armpit."""
        for part in (arm, TWINS[arm]):
            if (upper := self._bones[part]) is not None and self._is_seen(part):
                start = upper.end - ELBOW * (upper.end - upper.start)
                return _median(self._arms, Bone(start, upper.end, WIDTHS[0] * upper.side))
        torso = self._bones[TORSO]
        if torso is None:
            return None
        way = 1 if arm == ARM_PARTS.start else -1  # the left arm is on the right of a spine
        armpit = torso.start + ARMPIT * (torso.end - torso.start)
        place = armpit + way * ASIDE * torso.side * torso.across
        return _median(self._body, Bone(place, place, SLEEVE * torso.side))

    def _skin(self) -> Floats | None:
        """The colour of palms that are seen, if it is not their sleeves', or else of the face."""
        palm, sleeve = self._usual(PALM), self._usual(FORE)
        if palm is not None and (sleeve is None or np.abs(palm - sleeve).max() > DISTINCT):
            return palm
        head = self._bones[HEAD]
        if not isinstance(head, Head):
            return None
        middle = head.start if head.face is None else head.face
        return _median(self._body, Bone(middle, middle, CHEEKS * head.side))

    def _usual(self, kind: int) -> Floats | None:
        """The colour of one part of both arms, as far as it is seen."""
        picture, counted, labels = self._arms
        its = [self._first + ARM_PARTS.start + side * SIDE + kind for side in range(2)]
        here = counted & np.isin(labels, its)
        return np.asarray(np.median(picture[here], axis=0), float) if here.any() else None


def _limbs() -> Iterator[tuple[range, float]]:
    """The parts of every limb in the order in which they are painted, and its width."""
    for first in (ARM_PARTS.start, ARM_PARTS.start + SIDE):
        for kind in (*range(FINGERS), *range(FINGERS, SIDE, BONES_OF_FINGER)):
            bones = BONES_OF_FINGER if kind >= FINGERS else 1
            yield range(first + kind, first + kind + bones), WIDTHS[min(kind, FINGERS)]


def _paint_round(
    shown: NDArray[np.float32], bones: list[Bone], width: float, colour: Floats
) -> None:
    windows = [bone.window(shown.shape, 1.0) for bone in bones]
    rows, columns = (
        slice(min(window[axis].start for window in windows),
              max(window[axis].stop for window in windows))
        for axis in range(2)
    )  # fmt: skip
    if rows.start >= rows.stop or columns.start >= columns.stop:
        return
    half = width * abs(bones[0].side)
    # In pixels; over all bones of a finger, or its joints would be seen as balls.
    away = np.min(
        [bone.distance(bone.locate_pixels(rows, columns)) * abs(bone.side) for bone in bones],
        axis=0,
    )
    solid = np.clip(half - away + 0.5, 0.0, 1.0)[..., None]
    lit = colour * (1 - SHADE * np.clip(away / half, 0.0, 1.0) ** 2)[..., None]
    shown[rows, columns] += solid * (lit - shown[rows, columns])


def _median(seen: Seen, bone: Bone) -> Floats | None:
    """The usual colour (3,) along a bone; None if nothing that counts is there."""
    picture, counted, _ = seen
    window = bone.window(counted.shape, 1.0)
    if any(edge.start >= edge.stop for edge in window):
        return None
    its = (bone.distance(bone.locate_pixels(*window)) <= 1) & counted[window]
    return np.asarray(np.median(picture[window][its], axis=0), float) if its.any() else None
