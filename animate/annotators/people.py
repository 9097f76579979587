"""What is known of people: who is where, as a mask, and how they stand, as skeletons."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from animate.errors import ModelError

Frame = NDArray[np.uint8]  # (H, W, 3) RGB

GENERAL = 0  # the selfie segmentation model for pictures of any shape; 1 is for video calls
PERSON = 0.5  # certainty from which on a pixel shows a person


class PersonMask:
    """White persons on black, by MediaPipe's selfie segmentation, whose model is in its wheel.

    Raises ModelError if this MediaPipe has no such model.
    """

    def __init__(self) -> None:
        from pose.quiet import quiet_stderr

        try:
            with quiet_stderr():
                import mediapipe

                self._graph: Any = mediapipe.solutions.selfie_segmentation.SelfieSegmentation(
                    model_selection=GENERAL
                )
                self._graph.process(np.zeros((64, 64, 3), np.uint8))  # it reports while it loads
        except (ImportError, AttributeError) as error:
            raise ModelError(
                "person masks need a MediaPipe that brings its models (0.10, under Python up to "
                "3.12: `pip install mediapipe==0.10.21`), and this one brings none; or give a "
                "mask, white where the person is"
            ) from error

    def __call__(self, picture: Frame) -> Frame:
        """(H, W, 3) of (H, W, 3)."""
        from pose.quiet import quiet_stderr

        with quiet_stderr():
            found = self._graph.process(np.ascontiguousarray(picture)).segmentation_mask
        sure = cv2.resize(np.asarray(found, np.float32), (picture.shape[1], picture.shape[0]))
        mask = np.where(sure > PERSON, 255, 0).astype(np.uint8)
        return np.repeat(mask[..., None], 3, axis=2)

    def close(self) -> None:
        """Free the model."""
        self._graph.close()


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
