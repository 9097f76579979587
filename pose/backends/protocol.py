"""What a pose estimator must offer."""

from __future__ import annotations

from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from pose.skeleton import Floats

DEVICES = ("auto", "cpu", "cuda")
Estimate = tuple[Floats, Floats]  # keypoints (P, 133, 2) in pixels, scores (P, 133) in [0, 1]


class Backend(Protocol):
    """An estimator that is shown the frames of one sequence in order, then closed.

    Two facts may be stated besides, see `version_of` and `sees_one`: `version`, and `single` for
    an estimator that reports at most one person a frame.
    """

    name: str

    def estimate(self, frame: NDArray[np.uint8]) -> Estimate:
        """Keypoints (P, 133, 2) in pixels and scores (P, 133) in [0, 1] of the persons seen.

        frame (H, W, 3) RGB. P may be 0 and may differ from frame to frame; what was not found
        has score 0. Raises BackendError.
        """
        ...

    def close(self) -> None:
        """Release models and threads; may be called more than once."""
        ...
