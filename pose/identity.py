"""Who is who: persons linked over time, and which of them is meant."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import numpy as np

from pose.backends import Estimate
from pose.skeleton import COUNT, Floats

Person = Literal["largest", "all"] | int | tuple[float, float]


def link(
    estimates: Sequence[Estimate], times: Floats, size: tuple[int, int]
) -> tuple[Floats, Floats]:
    """Persons in the same place of every frame, the most prominent first.

    Keypoints (F, P, 133, 2), NaN where a person is not seen, and scores (F, P, 133).
    """
    people = max((len(points) for points, _ in estimates), default=0)
    keypoints = np.full((len(estimates), people, COUNT, 2), np.nan)
    scores = np.zeros((len(estimates), people, COUNT))
    for frame, (points, values) in enumerate(estimates):
        keypoints[frame, : len(points)] = points
        scores[frame, : len(points)] = values
    return keypoints, scores


def choose(keypoints: Floats, scores: Floats, person: Person) -> list[int]:
    """The places of the persons that are meant, at least one. Raises NoPersonError."""
    if person == "all":
        return list(range(keypoints.shape[1]))
    return [0]
