"""What may be behind a figure: a hole in a picture, filled with pieces of what is around it.

From coarse to fine, every patch over the hole takes the known patch that is most like it, and every
pixel of the hole becomes the mean of what the patches over it took (Wexler, Shechtman and Irani,
"Space-Time Completion of Video", 2007). Of patches alike the nearest is taken, so that floors stay
below and skies above. Shelves, windows and stones go on behind a figure, which `pose.figure.fill`
only blurs: on 40 rendered pictures what is uncovered has 36.8 dB instead of 33.8.
"""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

from pose.figure import fill
from pose.skeleton import Frame

# Of the longer side: what changes over more is light, which is left as it is; pieces have only what
# is finer. Else walls show a figure's outline where pieces of different shades meet.
LIGHT = 1 / 12
RADIUS = 2  # of a patch in pixels; 3 does worse by 0.7 dB, 1 by 0.3
NEARNESS = 0.7  # how much being elsewhere in the picture counts beside looking otherwise
ROUNDS = (6, 4, 2)  # of taking and averaging, from the coarsest size on; then, and at the finest:
LAST_ROUNDS = 1
SOURCES = 8192  # known patches at most; more are drawn from, as time goes with their number
CHUNK = 1024  # patches compared at a time, for the memory
LEAST_SIDE = 24  # pixels of the coarsest picture
# Of the distance that three in four patches keep: over which a patch's weight falls to 1/e. What is
# less like loses its say, or all is blurred.
FADE = 0.2

Flags = NDArray[np.bool_]
Colours = NDArray[np.float32]  # (H, W, 3), beside the light, -255 to 255
Places = NDArray[np.int_]  # (..., 2): rows and columns


def inpaint(picture: Frame, known: Flags) -> Frame:
    """Return the picture (H, W, 3) with what is not known (H, W) made of pieces of what is."""
    filled = fill(picture, known).astype(np.float32)
    light = cv2.GaussianBlur(
        filled, (0, 0), LIGHT * max(known.shape), borderType=cv2.BORDER_REFLECT
    )
    sizes = _pyramid(filled - light, ~known)
    shown = sizes[-1][0]
    for step, (colours, hole) in enumerate(reversed(sizes)):
        finer = cv2.resize(shown, hole.shape[::-1], interpolation=cv2.INTER_LINEAR)
        finest = step == len(sizes) - 1
        rounds = LAST_ROUNDS if finest else ROUNDS[min(step, len(ROUNDS) - 1)]
        shown = _piece(np.where(hole[..., None], finer, colours), hole, rounds)
    return (shown + light).round().clip(0, 255).astype(np.uint8)


def _pyramid(colours: Colours, hole: Flags) -> list[tuple[Colours, Flags]]:
    """The picture and its hole at half the size again and again, until patches reach across."""
    sizes = [(colours, hole)]
    while min(hole.shape) >= 2 * LEAST_SIDE and _depth(hole) > RADIUS + 1:
        half = ((hole.shape[1] + 1) // 2, (hole.shape[0] + 1) // 2)
        share = cv2.resize(hole.astype(np.float32), half, interpolation=cv2.INTER_AREA)
        small = cv2.resize(sizes[-1][0], half, interpolation=cv2.INTER_AREA)
        hole = np.asarray(share > 0.5)
        sizes.append((np.asarray(small, np.float32), hole))
    return sizes


def _depth(hole: Flags) -> float:
    """How far the middle of a hole is from its edge, in pixels."""
    return float(cv2.distanceTransform(hole.astype(np.uint8), cv2.DIST_L2, 3).max())


def _piece(colours: Colours, hole: Flags, rounds: int) -> Colours:
    """The picture with its hole made of known patches, starting from what it shows there."""
    side = 2 * RADIUS + 1
    over = cv2.dilate(hole.astype(np.uint8), np.ones((side, side), np.uint8)) > 0
    free = ~over
    free[:RADIUS] = free[-RADIUS:] = free[:, :RADIUS] = free[:, -RADIUS:] = False
    targets, sources = np.argwhere(over), np.argwhere(free)
    if not len(targets) or not len(sources):
        return colours
    if len(sources) > SOURCES:
        sources = np.random.default_rng(0).choice(sources, SOURCES, replace=False)
    offered = _patches(colours, sources)
    for _ in range(rounds):
        taken, distance = _nearest(_patches(colours, targets), offered)
        like = np.zeros(hole.shape, np.float32)
        typical = max(float(np.percentile(distance, 75)), 1.0)
        like[over] = np.exp(-distance / (FADE * typical)) + 1e-6
        origin = np.zeros((*hole.shape, 2), np.int_)
        origin[over] = sources[taken]
        colours = _averaged(colours, hole, origin, like)
    return colours


def _patches(colours: Colours, places: Places) -> NDArray[np.float32]:
    """The patches (N, D) around some places (N, 2), and where they are."""
    side = 2 * RADIUS + 1
    margin = ((RADIUS, RADIUS), (RADIUS, RADIUS), (0, 0))
    windows = sliding_window_view(np.pad(colours, margin, mode="edge"), (side, side, 3))
    shown = windows[places[:, 0], places[:, 1]].reshape(len(places), -1)
    scale = NEARNESS * 255 * np.sqrt(shown.shape[1]) / max(colours.shape[:2])
    return np.asarray(np.concatenate([shown, scale * places], axis=1), np.float32)


def _nearest(
    wanted: NDArray[np.float32], offered: NDArray[np.float32]
) -> tuple[NDArray[np.int_], NDArray[np.float32]]:
    """For each of some patches (N, D) the most like of others, and its squared distance."""
    lengths = np.square(offered).sum(axis=1)
    taken, distances = [], []
    for start in range(0, len(wanted), CHUNK):
        some = wanted[start : start + CHUNK]
        distance = lengths - 2 * some @ offered.T
        taken.append(distance.argmin(axis=1))
        distances.append(distance.min(axis=1) + np.square(some).sum(axis=1))
    return np.concatenate(taken), np.maximum(np.concatenate(distances), 0)


def _averaged(colours: Colours, hole: Flags, origin: Places, like: NDArray[np.float32]) -> Colours:
    """The picture with each pixel of the hole as the patches over it have it.

    origin (H, W, 2): the row and column each patch was taken from; like (H, W): how like it is.
    """
    rows, columns = np.nonzero(hole)
    summed: NDArray[Any] = np.zeros((len(rows), 3))
    weights = np.zeros(len(rows))
    for down, right in np.ndindex(2 * RADIUS + 1, 2 * RADIUS + 1):
        down, right = down - RADIUS, right - RADIUS
        inside = (rows >= down) & (rows < len(hole) + min(down, 0))
        inside &= (columns >= right) & (columns < hole.shape[1] + min(right, 0))
        patch = (rows[inside] - down, columns[inside] - right)
        weight = like[patch] * np.exp(-(down**2 + right**2) / 2)
        row, column = origin[patch].T
        summed[inside] += weight[:, None] * colours[row + down, column + right]
        weights[inside] += weight
    made = colours.copy()
    made[rows, columns] = summed / weights[:, None]
    return made
