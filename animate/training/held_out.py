"""How good an animator is on characters and motions it never saw, against the exact truth."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image

from animate.judge import (
    flicker,
    follow,
    iou,
    psnr,
    silhouettes,
    ssim,
    times_truth,
    track_result,
)
from animate.training.corpus import render_sample
from animate.training.data import to_share
from pose.draw import draw
from pose.puppet import Puppet
from pose.skeleton import PoseSequence

HELD_OUT_SEED = 9_000_000  # far from every training seed
READABLE = 0.85  # share of the exact joints that a tracker must see in a true film to be believed
FPS = 24.0  # nominal: clips are rendered at this rate or half of it


@dataclass(frozen=True, kw_only=True, eq=False)
class Trial:
    """One unseen character: its reference, the true frames, and what the animator made of them.

    truth, result, off (F, H, W, 3) uint8 (``off`` with control scale 0); reference (H, W, 3);
    drafts (F, H, W, 3): the reference bent into each pose, what the model starts from; skeleton
    (F, H, W, 3); figure (F, H, W) bool; poses: the exact keypoints in pixels.
    """

    reference: NDArray[np.uint8]
    skeleton: NDArray[np.uint8]
    drafts: NDArray[np.uint8]
    truth: NDArray[np.uint8]
    figure: NDArray[np.bool_]
    result: NDArray[np.uint8]
    off: NDArray[np.uint8]
    poses: PoseSequence


def run_trials(
    pipeline: Any,
    count: int,
    *,
    frames: int = 8,
    progress: Callable[[int, int], None] | None = None,
    **settings: Any,
) -> list[Trial]:
    """Animate ``count`` unseen characters with exact skeletons; ``settings`` go to the pipeline."""
    trials = []
    for index in range(count):
        bucket, arrays = render_sample(HELD_OUT_SEED + index, moving=frames, stills=1)
        size = (bucket.width, bucket.height)
        reference, people = arrays["frames"][-1], (arrays["keypoints"], arrays["scores"])
        poses = [(points[None], scores[None]) for points, scores in zip(*people, strict=True)]
        drawn = np.stack([draw(*pose, size, look="soft") for pose in poses])
        skeleton, puppet = drawn[:frames], Puppet(reference, poses[-1])
        drafts = np.stack([puppet.bend(pose) for pose in poses[:frames]])
        result, off = (
            _animate(pipeline, reference, drawn, drafts, scale, settings) for scale in (1.0, 0.0)
        )
        trials.append(
            Trial(
                reference=reference,
                skeleton=skeleton,
                drafts=drafts,
                truth=arrays["frames"][:frames],
                figure=arrays["parts"][:frames] > 0,
                result=result,
                off=off,
                poses=PoseSequence(
                    keypoints=arrays["keypoints"][:frames, None],
                    scores=arrays["scores"][:frames, None],
                    size=size,
                    fps=FPS,
                ),
            )
        )
        if progress:
            progress(index + 1, count)
    return trials


def figures(trials: list[Trial]) -> dict[str, float]:
    """Means over the trials against the exact truth, beside those of what is no model's merit.

    Those are a copied reference (_copy), the drafts (_draft) and control off (_control_off).
    psnr: dB on the figure; ssim on it; iou: of the silhouette that the judge finds with the exact
    one; flicker: of the background, times the truth's.
    """
    copies = [np.broadcast_to(trial.reference, trial.truth.shape) for trial in trials]
    kinds = {
        "": [t.result for t in trials],
        "_copy": copies,
        "_draft": [t.drafts for t in trials],
        "_control_off": [t.off for t in trials],
    }
    found: dict[str, float] = {}
    for kind, results in kinds.items():
        pairs = list(zip(trials, results, strict=True))
        found[f"psnr{kind}"] = _mean(psnr(r, t.truth, t.figure) for t, r in pairs)
        found[f"ssim{kind}"] = _mean(ssim(r, t.truth, t.figure) for t, r in pairs)
        found[f"iou{kind}"] = _mean(iou(silhouettes(r), t.figure) for t, r in pairs)
    found["flicker"] = _mean(
        times_truth(flicker(t.result, ~t.figure), flicker(t.truth, ~t.figure)) for t in trials
    )
    return found


def closed_loop(
    trials: list[Trial],
    take: Callable[[Trial], NDArray[np.uint8]] = lambda trial: trial.result,
    *,
    by_tracker: bool = False,
    progress: Callable[[int, int], None] | None = None,
) -> dict[str, float]:
    """Track what ``take`` gives of each trial and compare with the exact keypoints: means.

    The truth in place of the result (``lambda trial: trial.truth``) gives what the tracker can
    reach. by_tracker: compare with the truth as the tracker sees it, so that its errors on the
    truth do not count. worst: the body's share of right joints in the worst trial; readable: its
    mean over those trials whose truth the tracker reads, by_tracker only. NaN where nothing could
    be measured.
    """
    motions, readable = [], []
    for index, trial in enumerate(trials):
        tracked = track_result(take(trial), len(trial.truth))
        asked = track_result(trial.truth, len(trial.truth)) if by_tracker else trial.poses
        motions.append(follow(asked, tracked))
        if by_tracker and (follow(trial.poses, asked).body or 0.0) >= READABLE:
            readable.append(motions[-1].body)
        if progress:
            progress(index + 1, len(trials))
    hands = [hand for motion in motions for hand in (motion.left, motion.right)]
    bodies = [motion.body for motion in motions]
    return {
        "body": _mean(bodies),
        "worst": min((body for body in bodies if body is not None), default=float("nan")),
        "readable": _mean(readable),
        "readable_trials": float(len(readable)),
        "found": _mean(motion.found for motion in motions),
        "hand_recall": _mean(hand.recall for hand in hands),
        "hand_pck": _mean(hand.pck for hand in hands),
        "swapped": float(sum(motion.swapped for motion in motions)),
    }


def _mean(values: Iterable[float | None]) -> float:
    known = [value for value in values if value is not None and np.isfinite(value)]
    return float(np.mean(known)) if known else float("nan")


def sheet(trials: list[Trial], columns: int = 4) -> NDArray[np.uint8]:
    """A picture of trials of one size: rows of reference, skeleton, result and truth."""
    blocks = []
    for trial in trials:
        pick = np.linspace(0, len(trial.truth) - 1, columns).round().astype(int)
        rows = (np.stack([trial.reference] * columns), trial.skeleton[pick], trial.result[pick],
                trial.truth[pick])  # fmt: skip
        blocks.append(np.concatenate([np.concatenate(list(row), axis=1) for row in rows]))
    return np.concatenate(blocks, axis=1)


def _animate(
    pipeline: Any,
    reference: NDArray[np.uint8],
    drawn: NDArray[np.uint8],
    drafts: NDArray[np.uint8],
    scale: float,
    settings: dict[str, Any],
) -> NDArray[np.uint8]:
    """The result by skeletons (F + 1, H, W, 3), the last of which is the reference's own."""
    height, width = reference.shape[:2]
    output = pipeline(
        Image.fromarray(reference),
        to_share(torch.from_numpy(drawn[:-1])),
        reference_control=to_share(torch.from_numpy(drawn[-1])),
        drafts=to_share(torch.from_numpy(drafts)),
        height=height,
        width=width,
        control_scale=scale,
        generator=torch.Generator().manual_seed(0),
        output_type="np",
        **settings,
    )
    return np.asarray((np.asarray(output.frames[0]) * 255).round(), np.uint8)
