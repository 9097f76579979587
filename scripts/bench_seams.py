"""Do the windows show? Seams and drift of a long clip, for each way of blending windows.

python scripts/bench_seams.py [--seconds 10] [--model mini]

The sample's dance, played there and back until the clip is long enough, drives the sample's hero.
Every way starts from the same noise. Printed for each:
  cost      frames that the UNet sees per step, per frame of the clip
  seam      change from frame to frame at a window's border over the mean of its four neighbours,
            at the median over the borders of the last step; 1 is no seam
  drift     difference in mean colour (grey levels) and ratio of sharpness between the last and the
            first second of the clip, in which the dancer does the same
The last line is a JSON object; "pass": the default way is within 2 % of the best seam, and its
drift is below one grey level and 5 % of sharpness.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from animate.config import DEFAULTS, Settings  # noqa: E402
from animate.driving import find_poses, open_driving  # noqa: E402
from animate.framing import Framing, choose_size  # noqa: E402
from animate.judge import seam_ratio  # noqa: E402
from animate.load import load_model  # noqa: E402
from animate.motion import Found, find_reference, place  # noqa: E402
from animate.progress import ignore  # noqa: E402
from pose.video import load_image  # noqa: E402
from temporal.decode import decode_frames  # noqa: E402
from temporal.windows import plan_windows  # noqa: E402

WAYS = ("official", "weighted", "shifted")
SEAM_MARGIN, COLOUR_DRIFT, SHARPNESS_DRIFT = 1.02, 1.0, 0.05


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seconds", type=float, default=10.0)
    parser.add_argument("--model", default="mini")
    asked = parser.parse_args()
    scene = Scene(asked.model, asked.seconds)
    print(f"{scene.frames} frames, window {scene.window}, overlap {scene.overlap}, "
          f"{scene.steps} steps")  # fmt: skip
    print(f"{'way':<10} {'cost':>5} {'seam':>6} {'colour drift':>13} {'sharpness':>10} {'s':>6}")
    rows = {way: scene.measure(way) for way in WAYS}
    default = DEFAULTS[scene.look].blend
    best = min(row["seam"] for row in rows.values())
    own = rows[default]
    passed = (
        own["seam"] <= best * SEAM_MARGIN
        and own["colour_drift"] < COLOUR_DRIFT
        and abs(own["sharpness_ratio"] - 1) < SHARPNESS_DRIFT
    )
    print(json.dumps({"frames": scene.frames, "default": default, **rows, "pass": bool(passed)}))
    return 0 if passed else 1


class Scene:
    """The clip, the model and the noise that all ways share."""

    def __init__(self, model: str, seconds: float) -> None:
        settings = Settings(model=model)
        driving = open_driving(ROOT / "samples" / "dance.mp4", settings)
        poses = find_poses(driving, settings, ignore)
        self.frames = round(seconds * poses.fps)
        there_and_back = [*range(len(poses)), *range(len(poses) - 2, 0, -1)]
        self.order = np.resize(there_and_back, self.frames)
        self.fps = poses.fps
        picture = load_image(ROOT / "samples" / "hero.png")
        loaded = load_model(settings)
        self.pipeline, self.look = loaded.pipeline, loaded.look
        size = choose_size(
            (picture.shape[1], picture.shape[0]), loaded.defaults, self.pipeline.size_multiple
        )
        decided = settings.resolve(
            loaded.defaults, size=size, device=loaded.device, dtype=loaded.dtype
        )
        self.window, self.overlap, self.steps = decided.window, decided.overlap, decided.steps
        found = Found(
            tracked=poses.take(self.order, poses.fps), reference=find_reference(picture, settings)
        )
        self.motion = place(driving, found, decided, self.look)
        framed = Framing((picture.shape[1], picture.shape[0]), size).picture(picture)
        self.picture, self.size = Image.fromarray(framed), size
        self.decided = decided

    def measure(self, way: Any) -> dict[str, float]:
        start = time.perf_counter()
        pixels = self.animate(way)
        seconds = time.perf_counter() - start
        grey = pixels.mean(axis=-1)
        changes = np.abs(np.diff(grey, axis=0)).mean(axis=(1, 2))
        plans = [self.plan(way, step) for step in range(self.steps)]
        cost = float(np.mean([sum(map(len, plan)) for plan in plans])) / self.frames
        borders = sorted({window.start for window in plans[-1]} - {0})
        same = self.repeats()
        row = {
            "cost": cost,
            "seam": seam_ratio(changes, borders) or 1.0,
            "colour_drift": float(
                np.abs(
                    pixels[same[1]].mean(axis=(0, 1, 2)) - pixels[same[0]].mean(axis=(0, 1, 2))
                ).max()
            ),
            "sharpness_ratio": float(sharpness(grey[same[1]]) / sharpness(grey[same[0]])),
            "seconds": seconds,
        }
        print(f"{way:<10} {cost:>5.2f} {row['seam']:>6.3f} {row['colour_drift']:>13.2f} "
              f"{row['sharpness_ratio']:>10.3f} {seconds:>6.1f}", flush=True)  # fmt: skip
        return row

    def plan(self, way: Any, step: int) -> Any:
        return plan_windows(len(self.motion), self.window, self.overlap, blend=way, step=step)

    def animate(self, way: Any) -> np.ndarray:
        """(F, H, W, 3) floats, 0 to 255."""
        generator = torch.Generator().manual_seed(0)
        height, width = (side // self.pipeline.vae_scale_factor for side in self.size[::-1])
        noise = torch.randn(
            (1, 1, self.pipeline.unet.config["out_channels"], height, width), generator=generator
        )
        latents = self.pipeline(
            self.picture,
            self.motion.control,
            num_frames=len(self.motion),
            height=self.size[1],
            width=self.size[0],
            num_inference_steps=self.steps,
            min_guidance_scale=self.decided.guidance,
            max_guidance_scale=self.decided.guidance,
            window=self.window,
            overlap=self.overlap,
            blend=way,
            generator=generator,
            latents=noise.repeat(1, len(self.motion), 1, 1, 1),
            output_type="latent",
            progress=lambda done, total: None,
        ).frames[0, self.motion.lead :]
        return np.stack(list(decode_frames(self.pipeline.vae, latents))).astype(np.float64)

    def repeats(self) -> tuple[list[int], list[int]]:
        """Frames of the last second, and the earliest frames in which the dancer does the same."""
        late = range(self.frames - round(self.fps), self.frames)
        return [int(np.flatnonzero(self.order == self.order[frame])[0]) for frame in late], [*late]


def sharpness(grey: np.ndarray) -> float:
    """Mean absolute Laplacian."""
    inner = grey[:, 1:-1, 1:-1] * 4
    around = grey[:, :-2, 1:-1] + grey[:, 2:, 1:-1] + grey[:, 1:-1, :-2] + grey[:, 1:-1, 2:]
    return float(np.abs(inner - around).mean())


if __name__ == "__main__":
    sys.exit(main())
