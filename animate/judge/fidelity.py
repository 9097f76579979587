"""How near a result comes to the truth, pixel by pixel; pure."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]
Frames = NDArray[np.uint8]

# Wang, Bovik, Sheikh and Simoncelli 2004: Gaussian window, and constants for 8 bits.
SSIM_SIGMA, SSIM_RADIUS = 1.5, 5
SSIM_C1, SSIM_C2 = (0.01 * 255) ** 2, (0.03 * 255) ** 2
LUMA = np.array([0.299, 0.587, 0.114])  # ITU-R BT.601
LEAST_ERROR = 1e-9  # squared levels; keeps the PSNR of equal pictures finite


def psnr(result: Frames, truth: Frames, region: Flags | None = None) -> float:
    """PSNR in dB of frames (..., H, W, 3) uint8, over the pixels of `region` (..., H, W)."""
    error = np.square(result.astype(np.float64) - truth)
    error = error if region is None else error[region]
    return float(10 * np.log10(255**2 / max(float(error.mean()), LEAST_ERROR)))


def ssim(result: Frames, truth: Frames, region: Flags | None = None) -> float:
    """Structural similarity of the luma in [-1, 1], averaged over `region`; shapes as for psnr."""
    a, b = (pictures.astype(np.float64) @ LUMA for pictures in (result, truth))
    mean_a, mean_b = _blur(a), _blur(b)
    spread_a, spread_b = _blur(a * a) - mean_a**2, _blur(b * b) - mean_b**2
    common = _blur(a * b) - mean_a * mean_b
    alike = (2 * mean_a * mean_b + SSIM_C1) * (2 * common + SSIM_C2)
    whole = (mean_a**2 + mean_b**2 + SSIM_C1) * (spread_a + spread_b + SSIM_C2)
    similar = alike / whole
    return float((similar if region is None else similar[region]).mean())


def iou(silhouette: Flags, truth: Flags) -> float:
    """Intersection over union of (..., H, W) masks in [0, 1]; 1 if both are empty."""
    union = int((silhouette | truth).sum())
    return int((silhouette & truth).sum()) / union if union else 1.0


def _blur(pictures: Floats) -> Floats:
    """Over height and width of (..., H, W)."""
    from scipy.ndimage import gaussian_filter

    sigma = (0.0,) * (pictures.ndim - 2) + (SSIM_SIGMA, SSIM_SIGMA)
    return np.asarray(gaussian_filter(pictures, sigma, truncate=SSIM_RADIUS / SSIM_SIGMA))


@dataclass(frozen=True, kw_only=True)
class TruthFigures:
    """A result against the true frames: dB, SSIM on the figure, IoU of the silhouettes."""

    psnr: float
    figure_psnr: float | None  # None if the truth shows no figure
    ssim: float | None
    iou: float
    frames: int


def compare_truth(
    result: Frames, truth: Frames, silhouette: Flags, true_silhouette: Flags
) -> TruthFigures:
    """Compare (F, H, W, 3) uint8 with the truth; silhouettes (F, H, W)."""
    figure = true_silhouette if true_silhouette.any() else None
    return TruthFigures(
        psnr=psnr(result, truth),
        figure_psnr=None if figure is None else psnr(result, truth, figure),
        ssim=None if figure is None else ssim(result, truth, figure),
        iou=iou(silhouette, true_silhouette),
        frames=len(result),
    )


def typical_truth(frames: list[TruthFigures]) -> TruthFigures | None:
    """The mean over figures of single frames, weighted by how many frames each stands for."""
    if not frames:
        return None

    def mean(name: str) -> float | None:
        known = [(getattr(f, name), f.frames) for f in frames if getattr(f, name) is not None]
        values, weights = zip(*known, strict=True) if known else ((), ())
        return float(np.average(values, weights=weights)) if known else None

    return TruthFigures(
        psnr=mean("psnr") or 0.0,
        figure_psnr=mean("figure_psnr"),
        ssim=mean("ssim"),
        iou=mean("iou") or 0.0,
        frames=sum(f.frames for f in frames),
    )
