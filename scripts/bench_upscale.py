"""How near the truth `animate upscale` comes, beside bicubic interpolation, on pictures never seen.

    python scripts/bench_upscale.py                          # the embedded mini-sd3, four times
    python scripts/bench_upscale.py --model build/mini-sd3/weights --pictures 8 --steps 2

Characters of seeds far from those of training, made small with antialiasing and enlarged again.
Edges: F1 of Canny's within a pixel; gradients: mean absolute error; high: energy beyond what the
small picture can hold, times the truth's (the median over the pictures). Seams: the error of
gradients across the tiles' borders, times that near by. "ceiling" is the truth through the
autoencoder alone. A sheet of the first pictures is written: small, bicubic, result, truth.
The last line is one JSON object; "pass": nearer than bicubic in edges and gradients, high within
20 %, and at most 1 dB of PSNR behind it.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from animate.enlarge import tile_borders, upscale  # noqa: E402
from animate.enlarge_settings import UpscaleSettings  # noqa: E402
from animate.judge import psnr  # noqa: E402
from animate.pipelines.image import as_picture  # noqa: E402
from animate.still_models import load_still_model  # noqa: E402
from animate.still_settings import StillSettings  # noqa: E402
from animate.training.corpus import render_sample  # noqa: E402
from animate.training.enlarging import Loss, enlarged, lessened  # noqa: E402
from animate.training.held_out import HELD_OUT_SEED  # noqa: E402
from animate.training.sharpness import seam, sharpness  # noqa: E402

Frame = NDArray[np.uint8]
FIRST_SEED = HELD_OUT_SEED + 500_000
PHOTOS = 0.3  # share seen by a camera, as in training
HIGH, LOST = 0.2, 1.0  # share of high frequencies, dB
SHOWN = 4  # pictures on the sheet


def main() -> int:
    options = _options()
    torch.set_num_threads(options.threads)
    model = load_still_model(StillSettings(model=options.model))
    settings = {"factor": options.factor, "steps": options.steps, "loaded": model}
    truths = [_truth(FIRST_SEED + number) for number in range(options.pictures)]
    rows: dict[str, list[dict[str, float]]] = {"bicubic": [], "model": [], "ceiling": []}
    sheet, seconds, seams = [], [], []
    for number, truth in enumerate(truths):
        small = lessened(truth, Loss(factor=options.factor), np.random.default_rng(number))
        bicubic = enlarged(small, truth.shape)
        start = time.monotonic()
        result = upscale(small, seed=number, **settings)
        seconds.append(time.monotonic() - start)
        result = result if result.shape == truth.shape else enlarged(result, truth.shape)
        seams.append(seam(result, truth, tile_borders(model, truth.shape[:2], UpscaleSettings())))
        ceiling = through_autoencoder(model, truth)
        for name, picture in (("bicubic", bicubic), ("model", result), ("ceiling", ceiling)):
            rows[name].append(figures(picture, truth, options.factor))
        if number < SHOWN:
            sheet.append(_row(small, bicubic, result, truth))
    found = {name: {key: _middle(key, row) for key in row[0]} for name, row in rows.items()}
    for name, row in found.items():
        print(f"{name:8}", "  ".join(f"{key} {value:.3f}" for key, value in row.items()))
    print(f"seams {np.mean(seams):.3f}, {statistics.median(seconds):.2f} s a picture")
    options.sheet.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(_pile(sheet)).save(options.sheet)
    passed = nearer(found["model"], found["bicubic"])
    rounded = {
        name: {key: round(value, 3) for key, value in row.items()} for name, row in found.items()
    }
    print(json.dumps({
        "pictures": len(truths),
        "factor": options.factor,
        **rounded,
        "seams": round(float(np.mean(seams)), 3),
        "seconds": round(statistics.median(seconds), 3),
        "pass": passed,
    }))  # fmt: skip
    return 0 if passed else 1


def nearer(model: dict[str, float], bicubic: dict[str, float]) -> bool:
    """Whether all goals are met."""
    return (
        model["edges"] > bicubic["edges"]
        and model["gradients"] < bicubic["gradients"]
        and abs(model["high"] - 1) <= HIGH
        and model["psnr"] >= bicubic["psnr"] - LOST
    )


def figures(picture: Frame, truth: Frame, factor: float) -> dict[str, float]:
    """All figures of one picture."""
    return {"psnr": float(psnr(picture, truth)), **vars(sharpness(picture, truth, factor))}


@torch.no_grad()
def through_autoencoder(model: Any, truth: Frame) -> Frame:
    """The picture encoded and decoded: what the model could do at best."""
    vae = model.pipeline.vae
    pixels = (as_picture(truth) * 2 - 1).to(vae.device, vae.dtype)
    back = vae.decode(vae.encode(pixels).latent_dist.mode()).sample[0].float()
    shown = ((back / 2 + 0.5).clamp(0, 1) * 255).round().permute(1, 2, 0)
    return np.asarray(shown.cpu().numpy(), np.uint8)


def _middle(key: str, rows: list[dict[str, float]]) -> float:
    values = [row[key] for row in rows]
    return float(statistics.median(values) if key == "high" else np.mean(values))


def _truth(seed: int) -> Frame:
    frames: Frame = render_sample(seed, moving=1, stills=0, photos=PHOTOS)[1]["frames"]
    return frames[0]


def _row(small: Frame, bicubic: Frame, result: Frame, truth: Frame) -> Frame:
    size = (truth.shape[1], truth.shape[0])
    blocks = np.asarray(Image.fromarray(small).resize(size, Image.Resampling.NEAREST))
    return np.concatenate([blocks, bicubic, result, truth], axis=1)


def _pile(rows: list[Frame]) -> Frame:
    wide = max(row.shape[1] for row in rows)
    return np.concatenate([np.pad(r, ((0, 4), (0, wide - r.shape[1]), (0, 0))) for r in rows])


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--model", default="mini-sd3")
    parser.add_argument("--pictures", type=int, default=24)
    parser.add_argument("--factor", type=float, default=4.0)
    parser.add_argument("--steps", type=int, help="of sampling (default: the model's)")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--sheet", type=Path, default=ROOT / "build" / "mini-sd3" / "held_out.png")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
