"""The drawing that SVD-ControlNeXt was trained on, pixel for pixel, and its two relatives.

Source of every number in OFFICIAL: the facts in the golden case `pose_draw`, recorded from the
official code. The canvas always has a short side of 2160 and is then reduced without
antialiasing; the colours' channels are reversed. It is MimicMotion's drawing, which the official
code took over (github.com/Tencent/MimicMotion, mimicmotion/dwpose/util.py): limbs and points are
as bright as the estimator is sure.
"""

from __future__ import annotations

from dataclasses import replace

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

CANVAS_SHORT_SIDE = 2160
# Fingers of "fingers" are 2.5 times as thick as the official ones on a hand of 200 canvas pixels,
# which a whole standing figure has, and grow with the hand.
FINGER_OF_HAND = 1 / 40
KNUCKLE_OF_HAND = 1 / 45
MOST_FINGER = 54.0  # canvas pixels: a fortieth of the picture


def _reversed(colours: tuple[Tint, ...]) -> tuple[Tint, ...]:
    return tuple((blue, green, red) for red, green, blue in colours)


def _hand(joints: slice) -> tuple[Layer, Layer]:
    """Fingers and knuckles, however low their scores."""
    return (
        Layer(
            shape="line",
            joints=hand_edges(joints),
            colours=_reversed(HAND_HUES),
            width=2,
            fade="steps",
            inside=True,
        ),
        Layer(
            shape="dot",
            joints=dots(span(joints)),
            colours=((255, 0, 0),) * 21,
            width=4,
            fade="channels",
            inside=True,
        ),
    )


def _thick(layer: Layer, hand: slice) -> Layer:
    share = FINGER_OF_HAND if layer.shape == "line" else KNUCKLE_OF_HAND
    return replace(layer, width=2 * layer.width, of_hand=share, wrist=hand.start, most=MOST_FINGER)


# Limb by limb and joint by joint, each of all persons before the next one.
LIMB_LAYERS = tuple(
    Layer(
        shape="spindle",
        joints=(limb,),
        colours=(colour,),
        width=4,
        fade="channels",
        shade=0.6,
        last_at_threshold=True,
    )
    for limb, colour in zip(LIMBS, _reversed(LIMB_COLOURS), strict=True)
)
JOINT_LAYERS = tuple(
    Layer(
        shape="dot",
        joints=((joint, joint),),
        colours=(colour,),
        width=4,
        fade="channels",
        seen_above=VISIBLE,
    )
    for joint, colour in zip(span(OPENPOSE_BODY), _reversed(BODY_COLOURS), strict=True)
)
BODY = tuple((layer,) for layer in (*LIMB_LAYERS, *JOINT_LAYERS))
FACE = Layer(
    shape="dot",
    joints=dots(span(OPENPOSE_FACE)),
    colours=((255, 255, 255),) * 68,
    width=3,
    fade="channels",
    inside=True,
)
HANDS = (_hand(OPENPOSE_LEFT_HAND), _hand(OPENPOSE_RIGHT_HAND))
THICK_HANDS = tuple(
    tuple(_thick(layer, joints) for layer in hand)
    for hand, joints in zip(HANDS, (OPENPOSE_LEFT_HAND, OPENPOSE_RIGHT_HAND), strict=True)
)

OFFICIAL = Style(passes=(*BODY, *HANDS, (FACE,)), unit=2160, canvas=CANVAS_SHORT_SIDE)
FINGERS = replace(OFFICIAL, passes=(*BODY, (FACE,), *THICK_HANDS))
# The official picture without its aliasing, at any size: nothing is thinner than a pixel.
DIRECT = replace(OFFICIAL, canvas=0, subpixel=True)
