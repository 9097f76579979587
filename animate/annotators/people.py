"""What is known of people: who is where, as a mask, and how they stand, as skeletons."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from animate.errors import ModelError

Frame = NDArray[np.uint8]  # (H, W, 3) RGB

PERSON = 0.5  # certainty from which on a pixel shows a person


class PersonMask:
    """White persons on black, by `pose.segment`; raises ModelError if it has no models."""

    def __init__(self) -> None:
        from pose.segment import PersonSegmenter

        try:
            self._models = PersonSegmenter()
        except (ImportError, AttributeError) as error:
            raise ModelError(
                "person masks need a MediaPipe that brings its models (0.10, under Python up to "
                "3.12: `pip install mediapipe==0.10.21`), and this one brings none; or give a "
                "mask, white where the person is"
            ) from error

    def __call__(self, picture: Frame) -> Frame:
        """(H, W, 3) of (H, W, 3)."""
        mask = np.where(self._models(picture) > PERSON, 255, 0).astype(np.uint8)
        return np.repeat(mask[..., None], 3, axis=2)

    def close(self) -> None:
        """Free the models."""
        self._models.close()


def skeletons(look: str, backend: str) -> Callable[[Frame], Frame]:
    """Draws the persons of a picture (H, W, 3) on black, (H, W, 3); black where nobody is.

    look: one of pose.LOOKS; backend: who finds them, see pose.detect. It raises pose.PoseError.
    """

    def draw_people(picture: Frame) -> Frame:
        from pose.detect import detect
        from pose.draw import draw
        from pose.errors import NoPersonError

        try:
            found = detect(picture, backend=backend)
        except NoPersonError:
            return np.zeros_like(picture)
        return draw(*found.frame(0), found.size, look=look)

    return draw_people
