"""One layer of a puppet: its parts are taken from where they lie, and painted where they go."""

from __future__ import annotations

from collections.abc import Iterator

import cv2
import numpy as np
from numpy.typing import NDArray

from pose.bone import Bone
from pose.bones import PARTS, TWINS, Bones
from pose.figure import FAR, fill
from pose.skeleton import Floats, Frame

# In breadths of a part: what lies in its core is bent with it even where another part is nearer, or
# joints would open when they bend; and an arm's core hides the body.
CORE = 0.75

Flags = NDArray[np.bool_]
Maps = NDArray[np.float32]  # (2, H, W): x and y


class Layer:
    """Colours (H, W, 3) and where they are solid (H, W); whose each pixel is (H, W).

    labels (H, W): the part that a pixel belongs to; reach (H, W): at most so many breadths from
    another part it belongs to that part too.
    """

    def __init__(
        self,
        colours: Frame,
        solid: NDArray[np.uint8],
        labels: NDArray[np.int32],
        reach: NDArray[np.float32],
    ) -> None:
        self.colours, self.solid, self.labels, self.reach = colours, solid, labels, reach

    def paint(
        self, shown: NDArray[np.float32], place: int, own: Bones, asked: Bones, parts: range
    ) -> None:
        """Paint some parts of a figure into a picture (H, W, 3)."""
        outline, inside = np.zeros((2, 2, *self.labels.shape), np.float32)
        painted = np.zeros_like(self.solid)
        for part in parts:
            target = asked[part]
            if target is None:
                continue
            for source, of, instead in _sources(own, part, self.solid.shape):
                maps = (outline, inside)
                self._lay(maps, painted, place * PARTS + of, source, target, instead)
        # Where neighbours come of different parts, single pixels may come of none.
        closed = cv2.morphologyEx(painted, cv2.MORPH_CLOSE, np.ones((3, 3), np.uint8))
        colours, solid = (
            fill(_taken_from(layer, maps), painted > 0)
            for layer, maps in ((self.colours, inside), (self.solid, outline))
        )
        shown += (solid / 255.0 * closed)[..., None] * (colours - shown)

    def _lay(
        self,
        maps: tuple[Maps, Maps],
        painted: NDArray[np.uint8],
        label: int,
        source: Bone,
        target: Bone,
        instead: Bone | None,
    ) -> None:
        """Write where the pixels of a part come from into the maps: by outline and by colours.

        instead: only where this source lies outside of the picture and the other does not.
        """
        window = target.window(painted.shape, FAR)
        if any(edge.start >= edge.stop for edge in window):
            return
        located = target.locate_pixels(*window)
        places, turns = source.carried(target, located), source.turned(target, located)
        column, row = pixels(places, painted.shape)
        distance = target.distance(located)
        its_own = (self.labels[row, column] == label) | (distance <= self.reach[row, column])
        taken: Flags = its_own & (distance <= FAR) | (distance <= CORE)
        taken &= self.solid[row, column] > 0
        shown = within(places, painted.shape)
        if instead is None:
            taken &= shown | (distance <= target.unseen)
        else:
            taken &= shown & ~within(instead.carried(target, located), painted.shape)
        painted[window][taken] = 1
        outlines, colours = maps
        for axis in range(2):
            outlines[axis][window][taken] = places[axis][taken]
            colours[axis][window][taken] = (places[axis] + turns[axis])[taken]


def _sources(
    own: Bones, part: int, shape: tuple[int, ...]
) -> Iterator[tuple[Bone, int, Bone | None]]:
    """Bones to lay a part from, each with its part and with what it may only be laid instead of."""
    bone, twin = own[part], TWINS[part]
    other = own[twin]
    if bone is not None:
        yield bone, part, None
    if other is not None and (bone is None or not bone.within(shape)):
        yield other.mirrored(), twin, bone


def pixels(
    places: tuple[Floats, Floats], shape: tuple[int, ...]
) -> tuple[NDArray[np.int_], NDArray[np.int_]]:
    """The columns and rows of the pixels of a picture (H, W) that are nearest to some places."""
    height, width = shape
    column, row = (
        np.rint(place).clip(0, size - 1).astype(int)
        for place, size in zip(places, (width, height), strict=True)
    )
    return column, row


def within(places: tuple[Floats, Floats], shape: tuple[int, ...]) -> Flags:
    """Which of some places are in a picture (H, W)."""
    (x, y), (height, width) = places, shape
    return np.asarray((x >= 0) & (x <= width - 1) & (y >= 0) & (y <= height - 1))


def _taken_from(layer: Frame, maps: Maps) -> Frame:
    taken = cv2.remap(layer, maps[0], maps[1], cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    return np.asarray(taken, np.uint8)
