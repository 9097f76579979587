"""Several persons before an estimator that sees one: find them all, then show it only one."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pose.identity import Person
from pose.skeleton import Floats, Frame
from pose.video import Clip


@dataclass(frozen=True, eq=False)
class Focus:
    """The part of every frame that shows the chosen person, and how many persons there are.

    boxes (F, 4): left, top, right, bottom in pixels; crowd (F,) persons seen.
    """

    boxes: Floats
    crowd: NDArray[np.int64]

    def view(self, number: int, frame: Frame) -> tuple[Frame, Floats, Floats]:
        """What to show of frame `number`, and scale (2,) and shift (2,) back to its pixels."""
        return frame, np.ones(2), np.zeros(2)


def find_focus(clip: Clip | Iterable[Frame], person: Person) -> Focus | None:
    """Where the chosen person is in every frame; None if the video shows only one."""
    return None
