"""OpenPose's drawing as the ControlNets for SD 1.5 and SDXL know it.

Source of the numbers: ControlNet's annotator and its copies (github.com/lllyasviel/ControlNet,
annotator/openpose/util.py; github.com/huggingface/controlnet_aux, open_pose/util.py and dwpose):
on a canvas with a short side of 512, limbs are ellipses of half width 4 at 0.6 of their colour,
joints circles of radius 4, fingers lines of width 2 with circles of radius 4, face points white
circles of radius 3; what has a score up to 0.3 is missing, and so are hand and face points on the
first row or column. No colour depends on a score. Here the lengths grow with the picture instead
of the picture being enlarged.
"""

from __future__ import annotations

from pose.looks.palette import (
    BODY_COLOURS,
    HAND_HUES,
    LIMB_COLOURS,
    LIMBS,
    dots,
    hand_edges,
    span,
)
from pose.looks.style import Layer, Style, Tint
from pose.skeleton import (
    OPENPOSE_BODY,
    OPENPOSE_FACE,
    OPENPOSE_LEFT_HAND,
    OPENPOSE_RIGHT_HAND,
    VISIBLE,
)

RAINBOW: tuple[Tint, ...] = tuple((255 * r, 255 * g, 255 * b) for r, g, b in HAND_HUES)
BLUE: Tint = (0, 0, 255)
WHITE: Tint = (255, 255, 255)


def _hand(joints: slice) -> tuple[Layer, Layer]:
    return (
        Layer(
            shape="line",
            joints=hand_edges(joints),
            colours=RAINBOW,
            width=2,
            seen_above=VISIBLE,
            inside=True,
        ),
        Layer(
            shape="dot",
            joints=dots(span(joints)),
            colours=(BLUE,) * 21,
            width=4,
            seen_above=VISIBLE,
            inside=True,
        ),
    )


PERSON = (
    Layer(
        shape="spindle",
        joints=LIMBS,
        colours=LIMB_COLOURS,
        width=4,
        shade=0.6,
        seen_above=VISIBLE,
    ),
    Layer(
        shape="dot",
        joints=dots(span(OPENPOSE_BODY)),
        colours=BODY_COLOURS,
        width=4,
        seen_above=VISIBLE,
    ),
    *_hand(OPENPOSE_LEFT_HAND),
    *_hand(OPENPOSE_RIGHT_HAND),
    Layer(
        shape="dot",
        joints=dots(span(OPENPOSE_FACE)),
        colours=(WHITE,) * 68,
        width=3,
        seen_above=VISIBLE,
        inside=True,
    ),
)
OPENPOSE = Style(passes=(PERSON,), unit=512)
