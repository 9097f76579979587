"""How good an animator is on characters and motions it never saw, against the exact truth."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image

from animate.training.corpus import render_sample
from pose.draw import draw

HELD_OUT_SEED = 9_000_000  # far from every training seed


@dataclass(frozen=True, kw_only=True, eq=False)
class Trial:
    """One unseen character: its reference, the true frames, and what the animator made of them.

    truth, result, off (F, H, W, 3) uint8 (``off`` with control scale 0); reference (H, W, 3);
    skeleton (F, H, W, 3); figure (F, H, W) bool.
    """

    reference: NDArray[np.uint8]
    skeleton: NDArray[np.uint8]
    truth: NDArray[np.uint8]
    figure: NDArray[np.bool_]
    result: NDArray[np.uint8]
    off: NDArray[np.uint8]


def figure_psnr(
    result: NDArray[np.uint8], truth: NDArray[np.uint8], figure: NDArray[np.bool_]
) -> float:
    """PSNR in dB over the figure's pixels of ``(F, H, W, 3)`` frames, ``figure`` ``(F, H, W)``."""
    error = (result.astype(float) - truth.astype(float))[figure]
    return float(10 * np.log10(255**2 / max(float((error**2).mean()), 1e-9)))


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
        skeleton = np.stack([
            draw(points[None], scores[None], size, look="soft")
            for points, scores in zip(
                arrays["keypoints"][:frames], arrays["scores"][:frames], strict=True
            )
        ])  # fmt: skip
        result, off = (
            _animate(pipeline, arrays["frames"][-1], skeleton, scale, settings)
            for scale in (1.0, 0.0)
        )
        trials.append(
            Trial(
                reference=arrays["frames"][-1],
                skeleton=skeleton,
                truth=arrays["frames"][:frames],
                figure=arrays["parts"][:frames] > 0,
                result=result,
                off=off,
            )
        )
        if progress:
            progress(index + 1, count)
    return trials


def figures(trials: list[Trial]) -> dict[str, float]:
    """Mean figure PSNR in dB: of the results, of a copied reference, and with control off."""

    def mean(take: Callable[[Trial], NDArray[np.uint8]]) -> float:
        return float(np.mean([figure_psnr(take(t), t.truth, t.figure) for t in trials]))

    return {
        "psnr": mean(lambda t: t.result),
        "psnr_copy": mean(lambda t: np.broadcast_to(t.reference, t.truth.shape)),
        "psnr_control_off": mean(lambda t: t.off),
    }


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
    skeleton: NDArray[np.uint8],
    scale: float,
    settings: dict[str, Any],
) -> NDArray[np.uint8]:
    height, width = reference.shape[:2]
    control = torch.from_numpy(skeleton).permute(0, 3, 1, 2).float() / 255
    output = pipeline(
        Image.fromarray(reference),
        control,
        height=height,
        width=width,
        control_scale=scale,
        generator=torch.Generator().manual_seed(0),
        output_type="np",
        **settings,
    )
    return np.asarray((np.asarray(output.frames[0]) * 255).round(), np.uint8)
