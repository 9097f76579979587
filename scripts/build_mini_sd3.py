"""Train the embedded enlarger from nothing: render, transformer with control, export.

    python scripts/build_mini_sd3.py --out build/mini-sd3    # goes on where it was stopped
    python scripts/build_mini_sd3.py --export animate/weights/mini-sd3

The corpus and the training's state stay in --out. scripts/bench_upscale.py measures what comes of
it. The autoencoder is not trained: see animate/training/bands.py.
"""

from __future__ import annotations

import argparse
import sys
import warnings
from pathlib import Path
from typing import Any

import torch

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT), str(ROOT / "scripts")]

from build_mini import Printer  # noqa: E402

from animate.training.corpus import ClipStack, build_corpus, load_corpus  # noqa: E402
from animate.training.enlarging import EnlargeSource, EnlargeTask  # noqa: E402
from animate.training.loop import train  # noqa: E402
from animate.training.mini_sd3 import (  # noqa: E402
    SHALLOW,
    build_encoder,
    build_pipeline,
    build_transformer,
    grow,
    save_model,
)
from animate.training.settings import LoopSettings, StillLoss  # noqa: E402
from animate.training.spatial import tune_for_cpu  # noqa: E402
from animate.training.vocabulary import copy_words  # noqa: E402
from temporal.controlnext import ControlNeXt  # noqa: E402

LOSS = StillLoss(prompt_dropout=0.5)


def main() -> None:
    options = _options()
    torch.set_num_threads(options.threads)
    torch.manual_seed(options.seed)
    pipeline, encoder = build_pipeline(options.out / "words"), build_encoder()
    clips = _render(options)
    deep, shallow = pipeline.transformer, build_transformer(num_layers=SHALLOW)
    pipeline.register_modules(transformer=shallow)
    _enlarger(options, pipeline, encoder, clips, "shallow", options.steps)
    grow(deep, shallow)
    pipeline.register_modules(transformer=deep)
    _enlarger(options, pipeline, encoder, clips, "deep", options.deep_steps)
    save_model(pipeline, encoder, options.export)
    for tokenizer in ("tokenizer", "tokenizer_2"):
        copy_words(options.out / "words", options.export / tokenizer)
    size = sum(file.stat().st_size for file in options.export.rglob("*.safetensors"))
    print(f"exported {size / 1e6:.1f} MB of weights to {options.export}")


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--out", type=Path, default=Path("build/mini-sd3"), help="states, corpus")
    parser.add_argument("--export", type=Path, default=Path("build/mini-sd3/weights"))
    parser.add_argument("--clips", type=int, default=1000, help="characters to render")
    parser.add_argument("--photos", type=float, default=0.3, help="share seen by a camera")
    parser.add_argument("--steps", type=int, default=8000, help="of half of the layers")
    parser.add_argument("--deep-steps", type=int, default=5000, help="of all of them")
    parser.add_argument("--rate", type=float, default=1e-3, help="peak for the transformer")
    parser.add_argument("--device", default="cpu", help="cpu, cuda or auto")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--workers", type=int, default=2, help="processes that render")
    parser.add_argument("--seed", type=int, default=0)
    return parser.parse_args()


def _render(options: argparse.Namespace) -> list[ClipStack]:
    folder = options.out / "corpus"
    build_corpus(folder, options.clips, photos=options.photos, workers=options.workers)
    return load_corpus(folder)


def _enlarger(
    options: argparse.Namespace,
    pipeline: Any,
    encoder: ControlNeXt,
    clips: list[ClipStack],
    stage: str,
    steps: int,
) -> None:
    for part in (pipeline.vae, pipeline.text_encoder, pipeline.text_encoder_2):
        part.requires_grad_(False).eval()
    if options.device == "cpu":
        tune_for_cpu(encoder)
    task = EnlargeTask(pipeline, LOSS, family="sd3", method="controlnext", part=encoder)
    settings = _loop(options, steps=steps, rate=options.rate, ema=0.995, warm_up=50)
    source, report = EnlargeSource(clips), Printer(stage)
    outcome = train(task, source, settings, options.out / stage, report=report)
    task.module.load_state_dict(dict(outcome.weights))


def _loop(options: argparse.Namespace, **settings: Any) -> LoopSettings:
    return LoopSettings(
        precision="bf16",
        device=options.device,
        batch=4,
        seed=options.seed,
        save_every=100,
        **settings,
    )


if __name__ == "__main__":
    warnings.filterwarnings("ignore", message="grad and param do not obey the gradient layout")
    main()
