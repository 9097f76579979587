"""Train the embedded animator from nothing: render, autoencoder, single frames, clips, export.

    python scripts/build_mini.py --out build/mini            # goes on where it was stopped
    python scripts/build_mini.py --out build/mini --export animate/weights/mini
    python scripts/build_mini.py --vae animate/weights/mini/vae   # with its autoencoder as it is
    python scripts/build_mini.py --start animate/weights/mini     # trains that model on

Every stage keeps its state in --out and resumes. scripts/bench_mini.py measures what comes of it.
"""

from __future__ import annotations

import argparse
import sys
import time
import warnings
from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from animate.pipelines.video import ControlNeXtVideoPipeline  # noqa: E402
from animate.training.animator import VideoTask  # noqa: E402
from animate.training.autoencoder import AutoencoderTask, settle_posterior  # noqa: E402
from animate.training.batches import ClipSource, CropSource, LatentStack  # noqa: E402
from animate.training.corpus import ClipStack, build_corpus, load_corpus  # noqa: E402
from animate.training.export import write_pipeline  # noqa: E402
from animate.training.latents import encode_corpus, load_latents  # noqa: E402
from animate.training.loop import train  # noqa: E402
from animate.training.mini import (  # noqa: E402
    PATCH,
    SIGMA_MAX,
    SIGMA_MIN,
    build_components,
    load_components,
    parameter_counts,
)
from animate.training.settings import LoopSettings, VideoLoss  # noqa: E402
from animate.training.spatial import spatial_only, tune_for_cpu, zero_temporal  # noqa: E402
from temporal.autoencoder import SmallTemporalAutoencoder  # noqa: E402

# Sampling starts from a draft with noise of the highest level (see `objectives.centred`), and two
# or three steps see little else: a third of the levels drawn are the highest, the others reach down
# to where only details are left to be mended.
LOSS = VideoLoss(
    log_mean=-1.6,
    log_std=0.8,
    sigma_min=SIGMA_MIN,
    sigma_max=SIGMA_MAX,
    reference_dropout=0.05,
    control_dropout=0.03,
    huber=0.1,
    random_time_ids=True,
)


def main() -> None:
    options = _options()
    torch.set_num_threads(options.threads)
    torch.manual_seed(options.seed)
    components = load_components(options.start) if options.start else build_components()
    print("parameters:", parameter_counts(components), flush=True)
    if not options.start:
        zero_temporal(components["unet"])
    if options.vae:
        components["vae"] = SmallTemporalAutoencoder.from_pretrained(
            options.vae, patch_size=PATCH, torch_dtype=torch.float32
        )
    clips = _render(options)
    if not (options.vae or options.start):
        _autoencoder(options, components["vae"], clips)
    _animator(options, components, _encode(options, components["vae"], clips))
    settle_posterior(components["vae"])
    _export(components, options.export)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--out", type=Path, default=Path("build/mini"), help="states and corpus")
    parser.add_argument("--export", type=Path, default=Path("build/mini/weights"))
    parser.add_argument("--start", type=Path, help="a model's folder to go on from")
    parser.add_argument("--vae", type=Path, help="a trained autoencoder's folder")
    parser.add_argument("--clips", type=int, default=2600, help="characters to render")
    parser.add_argument("--photos", type=float, default=0.3, help="share seen by a camera")
    parser.add_argument("--vae-steps", type=int, default=2200)
    parser.add_argument("--image-steps", type=int, default=12000)
    parser.add_argument("--clip-steps", type=int, default=1500)
    parser.add_argument("--rate", type=float, default=8e-4, help="peak for single frames")
    parser.add_argument("--noise", type=float, nargs=2, metavar=("MEAN", "STD"),
                        default=(LOSS.log_mean, LOSS.log_std), help="of the logarithm")  # fmt: skip
    parser.add_argument("--device", choices=("auto", "cpu", "cuda"), default="auto")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--workers", type=int, default=2, help="processes that render")
    parser.add_argument("--seed", type=int, default=0)
    return parser.parse_args()


class Printer:
    """Prints the mean loss and the time left every so many steps."""

    def __init__(self, stage: str, every: int = 50) -> None:
        self.stage, self.every = stage, every
        self.losses: list[float] = []
        self.start, self.first = time.monotonic(), 0

    def __call__(self, step: int, steps: int, loss: float) -> None:
        if not self.losses and not self.first:
            self.start, self.first = time.monotonic(), step
        self.losses.append(loss)
        if step % self.every == 0 or step == steps:
            pace = (time.monotonic() - self.start) / max(1, step - self.first)
            left = (steps - step) * pace / 60
            print(
                f"{self.stage} {step}/{steps} loss {np.mean(self.losses):.4f} "
                f"{pace:.2f} s a step, {left:.0f} min left",
                flush=True,
            )
            self.losses.clear()


def _render(options: argparse.Namespace) -> list[ClipStack]:
    def progress(done: int, total: int) -> None:
        if done % 100 == 0 or done == total:
            print(f"render {done}/{total}", flush=True)

    folder = options.out / "corpus"
    build_corpus(
        folder,
        options.clips,
        photos=options.photos,
        workers=options.workers,
        progress=progress,
    )
    return load_corpus(folder)


def _autoencoder(options: argparse.Namespace, vae: Any, clips: list[ClipStack]) -> None:
    _tune(options, vae)
    settings = _loop(
        options, steps=options.vae_steps, batch=8, rate=2e-3, weight_decay=1e-4, ema=0.998
    )
    report = Printer("autoencoder", 100)
    train(AutoencoderTask(vae), CropSource(clips), settings, options.out / "vae", report=report)


def _tune(options: argparse.Namespace, part: torch.nn.Module) -> None:
    if options.device == "cpu" or not torch.cuda.is_available():
        tune_for_cpu(part)


def _loop(options: argparse.Namespace, **settings: Any) -> LoopSettings:
    return LoopSettings(
        precision="bf16", device=options.device, seed=options.seed, save_every=200, **settings
    )


def _encode(options: argparse.Namespace, vae: Any, clips: list[ClipStack]) -> list[LatentStack]:
    def progress(done: int, total: int) -> None:
        if done % 100 == 0 or done == total:
            print(f"encode {done}/{total}", flush=True)

    vae.save_pretrained(options.out / "vae" / "weights")
    folder = options.out / "latents"
    encode_corpus(
        options.out / "vae" / "weights",
        options.out / "corpus",
        folder,
        workers=options.workers,
        progress=progress,
    )
    return [load_latents(stack, folder) for stack in clips]


def _animator(
    options: argparse.Namespace, components: dict[str, Any], latents: list[LatentStack]
) -> None:
    parts = {name: components[name] for name in ("unet", "controlnext", "image_encoder", "vae")}
    parts["vae"].requires_grad_(False).eval()
    _tune(options, parts["unet"])
    _tune(options, parts["controlnext"])
    loss = replace(LOSS, log_mean=options.noise[0], log_std=options.noise[1])
    images = _loop(options, steps=options.image_steps, batch=8, rate=options.rate)
    clips = _loop(options, steps=options.clip_steps, batch=1, rate=3e-4)
    for name, frames, settings in (("images", 1, images), ("clips", 8, clips)):
        with spatial_only(parts["unet"]) if frames == 1 else nullcontext():
            train(
                VideoTask(parts, loss),
                ClipSource(latents, frames, drafts=True),
                settings,
                options.out / name,
                report=Printer(name),
            )


def _export(components: dict[str, Any], folder: Path) -> None:
    write_pipeline(ControlNeXtVideoPipeline(**components), folder, torch.float16)
    size = sum(file.stat().st_size for file in folder.rglob("*.safetensors"))
    print(f"exported {size / 1e6:.1f} MB of weights to {folder}")


if __name__ == "__main__":
    warnings.filterwarnings("ignore", message="grad and param do not obey the gradient layout")
    main()
