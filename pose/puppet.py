"""A puppet: the reference picture's own pixels, bent limb by limb into another pose.

A pixel of the figure belongs to the part of the body whose bone is nearest to it and goes where
that bone goes: along it as the bone has grown or shrunk, across it as the body has. Arms are a
layer of their own, and the body is filled in where they hide it. That is a crude picture, without
the figure's far side, but it says of every place what is to be seen there, which neither a skeleton
nor an embedding of the picture can.

Rendered truth, 64 characters of 4 frames, says of the constants here, in `pose.layer` and in
`pose.bone`: figure 16.3 dB, its head 16.8 (15.9 with a face that stays as it is), its hands 15.8,
background 27.9, and 0.88 of the union with the true figure.
"""

from __future__ import annotations

from collections.abc import Callable

import cv2
import numpy as np
from numpy.typing import NDArray

from pose.bone import Bone
from pose.bones import ARM_PARTS, BODY_PARTS, HANDS, HEAD, PARTS, TORSO, Bones, Pose, bones_of
from pose.figure import FAR, cut_out, fill, widened, without_slivers
from pose.inpaint import inpaint
from pose.labels import nearest, wear
from pose.layer import CORE, Layer, pixels, within
from pose.plain import PlainArms
from pose.segment import segment
from pose.skeleton import Frame
from pose.skirt import dressed, find_hem

SEAM = 0.15  # in breadths: bodies' parts overlap by this, so that they do not part when they turn
BEHIND = 0.6  # in breadths: so much of a body is solid where arms hide it
SLIVER = 3  # pixels; thinner strips beside an arm are its edges, not the body
GRASP = 5.0  # in breadths of a palm: where there may be fingers and cuffs, however it is bent
RIM = 0.015  # of the short side: blur and shadow around a figure are no background either

Flags = NDArray[np.bool_]


class Puppet:
    """The figures of one picture, to be bent into other poses before what is behind them."""

    def __init__(
        self,
        picture: Frame,
        pose: Pose,
        figure: Flags | None = None,
        *,
        complete: Callable[[Frame, Flags], Frame] = inpaint,
    ) -> None:
        """picture: (H, W, 3) uint8; pose: of its figures, in its pixels.

        figure: (H, W), which pixels are theirs; None has them found by `pose.figure.cut_out`.
        complete: makes up what is behind them; `pose.figure.fill` blurs it in a hundredth of the
        time.
        """
        shape = picture.shape[:2]
        figures = bones_of(pose, shape)
        to_body, body_labels = nearest(shape, figures, BODY_PARTS)
        to_arm, arm_labels = nearest(shape, figures, ARM_PARTS)
        near = np.minimum(to_body, to_arm)
        own = cut_out(picture, near, segment(picture)) if figure is None else figure & (near <= FAR)
        sleeves = (body_labels % PARTS == TORSO) & (to_body > 1) & (to_arm <= FAR)  # if wide
        arms = own & ((to_arm <= CORE) | (to_arm < to_body) | sleeves)
        lost = _strays(own & ~arms, body_labels, to_body)
        arms |= lost & (to_arm <= FAR)
        seen = without_slivers(own & ~arms & ~lost, SLIVER)
        self._hems = [find_hem(bones, seen) for bones in figures]
        self._figures = list(map(dressed, figures, self._hems))
        wear(to_body, body_labels, self._figures, own)
        # Outermost pixels show some of what is behind or before them: nothing is grown from them.
        bare = seen & ~widened(arms, 1)
        colours = _behind_arms(picture, bare & ~widened(~own, 1), body_labels, self._figures)
        colours[bare] = picture[bare]
        solid = _grey(seen | (own & (to_body <= BEHIND)))
        self._body = Layer(colours, solid, body_labels, to_body + SEAM)
        # The outermost pixels of arms are about half of what is behind them. With nothing of it
        # thin fingers lose the edges by which a tracker finds them (in a real dance, 0.77 of the
        # hands instead of 0.85 with all of it, and 0.88 with half).
        inner = fill(picture, ~widened(~arms, 1))
        cleared = np.asarray(cv2.addWeighted(fill(picture, arms), 0.5, inner, 0.5, 0), np.uint8)
        self._arms = Layer(cleared, _grey(arms), arm_labels, to_arm)
        of_body, of_arms = (picture, seen, body_labels), (picture, arms, arm_labels)
        self._plain = [
            PlainArms(of_body, of_arms, place, bones) for place, bones in enumerate(self._figures)
        ]
        covered = own | _hands_not_found(shape, self._figures)
        self.backdrop = complete(picture, ~widened(covered, round(RIM * min(shape))))

    def bend(self, pose: Pose) -> Frame:
        """Return the picture with its figures in another pose, (H, W, 3).

        The first person of the pose is taken for the first of the picture, and so on. Limbs that
        the picture does not show are those of the other side, mirrored; arms and hands that are
        missing on both are plain, see `pose.plain`, other parts are left out, and so is what the
        pose lacks. Without a known figure the picture is as it was.
        """
        shown = self.backdrop.astype(np.float32)
        figures = map(dressed, bones_of(pose, shown.shape), self._hems)
        for place, (own, asked) in enumerate(zip(self._figures, figures, strict=False)):
            layers = [(self._body, BODY_PARTS), (self._arms, ARM_PARTS)]
            for layer, parts in reversed(layers) if _from_behind(asked) else layers:
                layer.paint(shown, place, own, asked, parts)
                if layer is self._arms:
                    self._plain[place].paint(shown, asked)
        return shown.round().astype(np.uint8)


def _strays(mask: Flags, labels: NDArray[np.int32], distance: NDArray[np.float32]) -> Flags:
    """What of a mask (H, W) is given to a part with which it is not connected.

    Where an arm is found beside itself, a head's or a torso's breadth reaches to the rest of it.
    """
    strays = np.zeros_like(mask)
    for label in np.unique(labels[mask]):
        its = mask & (labels == label)
        count, pieces = cv2.connectedComponents(its.astype(np.uint8))
        near = np.zeros(count, bool)
        near[pieces[its & (distance <= CORE)]] = True
        strays |= its & ~near[pieces]
    return strays


def _hands_not_found(shape: tuple[int, ...], figures: list[Bones]) -> Flags:
    """Where the hands (H, W) are of which only the wrists are known; gloves are often not found."""
    mask = np.zeros(shape, bool)
    for bones in figures:
        for palm, fingers in HANDS:
            guess = bones[palm]
            if guess is not None and all(bones[finger] is None for finger in fingers):
                window = guess.window(shape, GRASP)
                located = guess.locate_pixels(*window)
                behind = located[1] < -2 * abs(guess.side)  # there is the arm
                mask[window] |= (guess.distance(located) <= GRASP) & ~behind
    return mask


def find_figure(picture: Frame, pose: Pose) -> Flags:
    """Which pixels (H, W) a puppet of this picture and pose would be made of."""
    shape = picture.shape[:2]
    near, _ = nearest(shape, bones_of(pose, shape), range(PARTS))
    return cut_out(picture, near, segment(picture))


def _behind_arms(
    picture: Frame, seen: Flags, labels: NDArray[np.int32], figures: list[Bones]
) -> Frame:
    """The picture with what arms hide of each part of a body filled in from the same part.

    seen (H, W): what they do not hide. A head has its other half to be filled in with; a torso has
    not, as hair and prints lie on one side of it.
    """
    whole = fill(picture, seen)
    for place, bones in enumerate(figures):
        for part in BODY_PARTS:
            bone, its = bones[part], labels == place * PARTS + part
            if bone is None or not (seen & its).any():
                continue
            known, colours = seen & its, picture
            if part == HEAD:
                colours, known = _mirrored(picture, known, its, bone)
            hidden = its & ~seen
            whole[hidden] = fill(colours, known)[hidden]
    return whole


def _mirrored(picture: Frame, known: Flags, its: Flags, bone: Bone) -> tuple[Frame, Flags]:
    """A part's picture with what is not known of it taken from across its bone, and what now is."""
    window = bone.window(known.shape, 2 * FAR)
    inner, beyond, aside = bone.locate_pixels(*window)
    places = bone.places(inner + beyond, -aside)
    column, row = pixels(places, known.shape)
    found = within(places, known.shape) & known[row, column] & (its & ~known)[window]
    colours, both = picture.copy(), known.copy()
    colours[window][found] = picture[row, column][found]
    both[window] |= found
    return colours, both


def _from_behind(bones: Bones) -> bool:
    """Whether a figure shows its back: then its arms, mostly held in front, are behind it."""
    torso = bones[TORSO]
    return torso is not None and torso.side > 0


def _grey(mask: Flags) -> NDArray[np.uint8]:
    return np.where(mask, 255, 0).astype(np.uint8)
