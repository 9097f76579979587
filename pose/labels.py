"""Which part of which figure each pixel of a picture belongs to."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from pose.bones import HEAD, PARTS, SKIRT, Bones
from pose.figure import FAR, SEEN

Distances = NDArray[np.float32]  # (H, W), in breadths of a part
Labels = NDArray[np.int32]  # (H, W): a figure's place times PARTS, and the part; -1 for none


def nearest(shape: tuple[int, ...], figures: list[Bones], parts: range) -> tuple[Distances, Labels]:
    """Per pixel the distance to the nearest bone and the bone's label."""
    least, labels = np.full(shape, np.inf, np.float32), np.full(shape, -1, np.int32)
    for place, bones in enumerate(figures):
        for part in parts:
            if (bone := bones[part]) is not None:
                window = bone.window(shape, 2 * FAR)
                distance = bone.distance(bone.locate_pixels(*window))
                nearer = distance < least[window]
                least[window][nearer] = distance[nearer]
                labels[window][nearer] = place * PARTS + part
    return least, labels


def wear(least: Distances, labels: Labels, figures: list[Bones], own: NDArray[np.bool_]) -> None:
    """Give to the skirts of the figures what is beside them and their own, (H, W)."""
    for place, bones in enumerate(figures):
        if (skirt := bones[SKIRT]) is None:
            continue
        window = skirt.window(own.shape, SEEN)
        located = skirt.locate_pixels(*window)
        distance = skirt.distance(located)
        its = own[window] & (located[1] == 0) & (distance <= SEEN)  # from the waist to the hem
        its &= labels[window] != place * PARTS + HEAD
        labels[window][its] = place * PARTS + SKIRT
        least[window][its] = distance[its]
