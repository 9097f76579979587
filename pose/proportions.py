"""How long a figure's parts are, and how long they are beside another figure's.

A picture shows a part at most as long as it is: turned towards the viewer, it is foreshortened.
So the length of a part of a driving performer is a high quantile over the frames, left and right
together, and a part of the reference, of which there is one picture, is believed only as far as
the parts beside it agree.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

from pose.skeleton import COUNT, FACE, INDEX, LEFT_HAND, RIGHT_HAND, VISIBLE, Floats

Flags = NDArray[np.bool_]

# Joints between others, after the 133 of the skeleton.
NECK, ROOT, HEAD = COUNT, COUNT + 1, COUNT + 2  # middles of the shoulders, the hips and the ears
MIDDLES = (
    (NECK, INDEX["left_shoulder"], INDEX["right_shoulder"]),
    (ROOT, INDEX["left_hip"], INDEX["right_hip"]),
    (HEAD, INDEX["left_ear"], INDEX["right_ear"]),
)


def _both(first: str, second: str) -> tuple[tuple[int, int], ...]:
    """A part's ends on the left and on the right."""
    return tuple(
        (INDEX[f"{side}_{first}"], INDEX[f"{side}_{second}"]) for side in ("left", "right")
    )


# Each part and the distances that show it; the longest counts. Face: from the root of the nose to
# the chin (iBUG 27 and 8), which turning the head does not shorten. Hand: wrist to knuckles.
PARTS: dict[str, tuple[tuple[int, int], ...]] = {
    "torso": ((ROOT, NECK),),
    "shoulders": ((INDEX["left_shoulder"], INDEX["right_shoulder"]),),
    "hips": ((INDEX["left_hip"], INDEX["right_hip"]),),
    "upper_arm": _both("shoulder", "elbow"),
    "forearm": _both("elbow", "wrist"),
    "thigh": _both("hip", "knee"),
    "shin": _both("knee", "ankle"),
    "foot": _both("ankle", "big_toe"),
    "neck": ((NECK, HEAD),),
    "face": ((FACE.start + 27, FACE.start + 8),),
    "head": ((INDEX["left_ear"], INDEX["right_ear"]),),
    "hand": tuple(
        (hand.start, hand.start + knuckle)
        for hand in (LEFT_HAND, RIGHT_HAND)
        for knuckle in (5, 9, 17)
    ),
}
BODY_PARTS = ("torso", "shoulders", "hips", "upper_arm", "forearm", "thigh", "shin")
ACROSS = ("shoulders", "hips", "head")  # not to be measured on a figure seen from the side
# Below this share of the torso (or the neck) shoulders are seen from the side. An adult's are 0.26
# of the height wide, the torso is 0.29 long (Drillis and Contini 1966); drawn ones are narrower.
TURNED = 0.3
# Neighbours of a limb share its build, also in a child or a giant; a cartoon's differ up to about
# this much. Beyond, one of the two is foreshortened.
LIMB_PAIRS = (("upper_arm", "forearm"), ("thigh", "shin"))
MOST_DIFFERENCE = 1 / 0.6
# Who stands in for a part that cannot be measured, or that is out of these bounds beside it.
STAND_INS: dict[str, tuple[tuple[str, ...], float, float]] = {
    "shoulders": (("torso",), 0.5, 2.0),
    "hips": (("shoulders", "torso"), 0.5, 2.0),
    "foot": (("shin",), 0.6, 2.5),
    "hand": (("forearm",), 0.5, 2.5),
    "neck": (("face", "head"), 0.25, 4.0),
    "face": (("head", "neck"), 0.4, 2.5),
}
LONGEST = 0.95  # the quantile over frames that is taken for a part's full length
NEARNESS = 0.8  # the quantile over parts that tells how near the figure is in a frame
CALM = 24  # frames over which the distance to the camera is taken to be steady


@dataclass(frozen=True)
class Proportions:
    """How many times as long as the driving figure's the reference's parts are."""

    parts: dict[str, float]
    travel: float  # the same for ways: that of the legs
    measured: tuple[str, ...]  # the parts that both figures show


def with_middles(keypoints: Floats, scores: Floats) -> tuple[Floats, Floats]:
    """(..., 133, 2) and (..., 133) with NECK, ROOT and HEAD: (..., 136, 2) and (..., 136).

    Where one of a pair is missing, as on a figure seen from the side, the other one is the middle;
    without ears the head is where the nose is.
    """
    points = np.concatenate([keypoints, np.full((*keypoints.shape[:-2], 3, 2), np.nan)], axis=-2)
    values = np.concatenate([scores, np.zeros((*scores.shape[:-1], 3))], axis=-1)
    for middle, *pair in MIDDLES:
        there = values[..., pair] > 0
        places = np.where(there[..., None], points[..., pair, :], 0.0).sum(axis=-2)
        with np.errstate(invalid="ignore"):  # nobody: 0 / 0 is missing
            points[..., middle, :] = places / there.sum(axis=-1)[..., None]
        values[..., middle] = values[..., pair].max(axis=-1)
    earless = values[..., HEAD] <= 0
    nose = INDEX["nose"]
    points[earless, HEAD], values[earless, HEAD] = points[earless, nose], values[earless, nose]
    return points, values


def compare(
    driving: Floats, driving_seen: Flags, reference: Floats, reference_scores: Floats
) -> Proportions | None:
    """The reference's parts beside the driving figure's; None if no part of the body shows on both.

    driving (F, 136, 2) with driving_seen (F, 136), the joints that may be measured; reference
    (136, 2) with its scores (136,).
    """
    rest = lengths(driving, driving_seen)
    wanted = lengths(reference[None], (reference_scores > VISIBLE)[None])
    turned = _turned(rest) or _turned(wanted)
    ratios = {
        part: wanted[part] / rest[part]
        for part in PARTS
        if part in rest and part in wanted and not (turned and part in ACROSS)
    }
    body = [ratios[part] for part in BODY_PARTS if part in ratios]
    if not body:
        return None
    measured = tuple(ratios)
    overall = float(np.median(body))
    for pair in LIMB_PAIRS:
        _agree(ratios, pair, ratios.get("torso", overall))
    for part, (partners, least, most) in STAND_INS.items():
        partner = next((ratios[name] for name in partners if name in ratios), overall)
        if not least * partner <= ratios.get(part, -1.0) <= most * partner:
            ratios[part] = partner
    parts = {part: ratios.get(part, overall) for part in PARTS}
    legs = [rest.get(part, 0.0) for part in LIMB_PAIRS[1]]
    travel = np.average(
        [parts[part] for part in LIMB_PAIRS[1]], weights=legs if sum(legs) else None
    )
    return Proportions(parts, float(travel), measured)


def lengths(points: Floats, seen: Flags) -> dict[str, float]:
    """The full lengths of the parts that show in any frame: points (F, 136, 2), seen (F, 136).

    Lengths hold at the figure's median distance from the camera.
    """
    spans = distances(points, seen)
    spans = spans / nearness(spans)[:, None]
    found: dict[str, float] = {}
    column = 0
    for part, pairs in PARTS.items():
        shown = spans[:, column : column + len(pairs)]
        column += len(pairs)
        longest = [np.quantile(one[np.isfinite(one)], LONGEST) for one in shown.T
                   if np.isfinite(one).any()]  # fmt: skip
        if longest and max(longest) > 0:
            found[part] = float(max(longest))
    return found


def distances(points: Floats, seen: Flags) -> Floats:
    """(F, D) between the ends of all parts, NaN where unseen: points (F, 136, 2), seen (F, 136)."""
    ends = np.array([pair for pairs in PARTS.values() for pair in pairs])
    with np.errstate(invalid="ignore", over="ignore"):
        spans = np.linalg.norm(points[:, ends[:, 0]] - points[:, ends[:, 1]], axis=-1)
    spans[~(seen[:, ends].all(axis=-1) & np.isfinite(spans))] = np.nan
    return np.asarray(spans)


def nearness(spans: Floats) -> Floats:
    """(F,) how large the figure is beside its median size, from distances (F, D) on it.

    In each frame some part is seen at full length; that part tells the distance to the camera.
    """
    shown = np.isfinite(spans) & (spans > 0)
    complete = np.flatnonzero(shown.any(axis=0))
    near = np.ones(len(spans))
    if not len(complete):
        return near
    full = np.array([np.quantile(spans[shown[:, i], i], LONGEST) for i in complete])
    shares = np.where(shown[:, complete], spans[:, complete] / full, np.nan)
    known = np.flatnonzero(shown.any(axis=1))
    some = np.nanquantile(shares[known], NEARNESS, axis=1)
    reach = min(CALM, (len(some) - 1) // 2)
    windows = sliding_window_view(np.pad(some, reach, mode="edge"), 2 * reach + 1)
    calm = np.median(windows, axis=1)
    near[:] = np.interp(np.arange(len(spans)), known, calm / np.median(calm))
    return near


def _turned(figure: dict[str, float]) -> bool:
    """Whether the figure is seen from the side."""
    along = max(figure.get("torso", 0.0), figure.get("neck", 0.0))
    return figure.get("shoulders", along) < TURNED * along


def _agree(ratios: dict[str, float], pair: tuple[str, str], body: float) -> None:
    """Of two neighbours that differ too much, the one that is nearer to the body's is believed."""
    known = [ratios[part] for part in pair if part in ratios]
    if not known:
        return
    believed = min(known, key=lambda ratio: abs(np.log(ratio / body)))
    for part in pair:
        ratio = ratios.get(part, 0.0)
        if not believed / MOST_DIFFERENCE <= ratio <= believed * MOST_DIFFERENCE:
            ratios[part] = believed
