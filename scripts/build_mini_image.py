"""Train the embedded picture model from the animator: render, words, pictures, decoder, export.

    python scripts/build_mini_image.py --out build/mini-image     # goes on where it was stopped
    python scripts/build_mini_image.py --export animate/weights/mini-image

Every stage keeps its state in --out and resumes. scripts/bench_image_control.py measures what
comes of it.
"""

from __future__ import annotations

import argparse
import os
import sys
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors.torch import load_file

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from build_mini import Printer  # noqa: E402

from animate.mini import FOLDER  # noqa: E402
from animate.training.autoencoder import AutoencoderTask, settle_posterior  # noqa: E402
from animate.training.borrowed import borrow, borrowed_autoencoder  # noqa: E402
from animate.training.decoding import DecoderTask  # noqa: E402
from animate.training.joint import JointTask  # noqa: E402
from animate.training.loop import train  # noqa: E402
from animate.training.mini import load_components  # noqa: E402
from animate.training.mini_image import (  # noqa: E402
    CONTROLS,
    TOKENS,
    parameter_counts,
    save_parts,
    seeded_parts,
)
from animate.training.portrait_source import (  # noqa: E402
    LatentPortraits,
    PortraitSource,
    crops_of,
    encode_portraits,
)
from animate.training.portraits import Portraits, build_portraits, load_portraits  # noqa: E402
from animate.training.settings import LoopSettings, StillLoss  # noqa: E402
from animate.training.spatial import tune_for_cpu  # noqa: E402
from animate.training.vocabulary import copy_words, write_tokenizer  # noqa: E402
from animate.training.words import teach_words  # noqa: E402
from temporal.tensorfiles import write_tensors  # noqa: E402

LOSS = StillLoss(prompt_dropout=0.1)


def main() -> None:
    options = _options()
    torch.set_num_threads(options.threads)
    portraits = _render(options)
    words = {word for stack in portraits for one in stack.facts for word in one.words()}
    tokenizer = write_tokenizer(words, options.out / "tokenizer", length=TOKENS)
    parts = seeded_parts(tokenizer, options.seed)
    print("parameters:", parameter_counts(parts), f"{len(tokenizer)} tokens", flush=True)
    _words(options, parts, portraits)
    animator = load_components(options.start)
    taken = borrow(parts["unet"], parts[CONTROLS], animator, parts["scheduler"].alphas_cumprod)
    print(f"taken of {options.start}: {', '.join(taken) or 'the autoencoder alone'}", flush=True)
    parts["vae"] = _autoencoder(options, animator["vae"], portraits)
    latents = [_encode(options, parts["vae"], stack) for stack in portraits]
    _joint(options, parts, latents)
    _decoder(options, parts, latents)
    settle_posterior(parts["vae"])
    _export(parts, options)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--out", type=Path, default=Path("build/mini-image"), help="states")
    parser.add_argument("--export", type=Path, default=Path("build/mini-image/weights"))
    parser.add_argument("--sheets", type=int, default=560, help="of 16 portraits each")
    parser.add_argument("--word-steps", type=int, default=700)
    parser.add_argument("--start", type=Path, default=FOLDER, help="the animator to go on from")
    parser.add_argument("--vae-steps", type=int, default=400)
    parser.add_argument("--steps", type=int, default=16400)
    parser.add_argument("--decoder-steps", type=int, default=4000)
    parser.add_argument("--batch", type=int, default=8)
    parser.add_argument("--rate", type=float, default=1e-3, help="peak")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--workers", type=int, default=1, help="processes that render")
    parser.add_argument("--seed", type=int, default=0)
    return parser.parse_args()


def _render(options: argparse.Namespace) -> list[Portraits]:
    def progress(done: int, total: int) -> None:
        if done % 20 == 0 or done == total:
            print(f"render {done}/{total}", flush=True)

    folder = options.out / "portraits"
    build_portraits(folder, options.sheets, workers=options.workers, progress=progress)
    return load_portraits(folder)


def _loop(options: argparse.Namespace, **settings: Any) -> LoopSettings:
    return LoopSettings(
        precision="bf16", device="cpu", seed=options.seed, save_every=200, **settings
    )


def _words(
    options: argparse.Namespace, parts: dict[str, Any], portraits: Sequence[Portraits]
) -> None:
    """The text encoder's first lesson, kept in --out."""
    file, encoder = options.out / "words.safetensors", parts["text_encoder"]
    if file.exists():
        encoder.load_state_dict(load_file(file))
        return
    facts = [one for stack in portraits for one in stack.facts]
    report = Printer("words", 100)
    teach_words(encoder, parts["tokenizer"], facts, steps=options.word_steps, report=report)
    write_tensors(encoder.state_dict(), file)


def _autoencoder(
    options: argparse.Namespace, animators: Any, portraits: Sequence[Portraits]
) -> Any:
    """The animator's, trained on with portraits."""
    vae = borrowed_autoencoder(animators)
    tune_for_cpu(vae)
    settings = _loop(
        options, steps=options.vae_steps, batch=8, rate=1e-3, weight_decay=1e-4, ema=0.99
    )
    report = Printer("autoencoder", 100)
    task, folder = AutoencoderTask(vae), options.out / "vae"
    vae.load_state_dict(_weights(train(task, crops_of(portraits), settings, folder, report=report)))
    return vae.eval()


def _encode(options: argparse.Namespace, vae: Any, portraits: Portraits) -> LatentPortraits:
    """The portraits' latents, kept beside the autoencoder's states."""
    file = (
        options.out / "vae" / f"latents-{'x'.join(map(str, portraits.size))}-{len(portraits)}.npy"
    )
    if file.exists():
        return LatentPortraits(portraits=portraits, latents=np.load(file))
    made = encode_portraits(vae, portraits)
    with file.with_suffix(".part").open("wb") as partial_file:
        np.save(partial_file, made.latents)
    os.replace(file.with_suffix(".part"), file)
    return made


def _joint(
    options: argparse.Namespace, parts: dict[str, Any], latents: Sequence[LatentPortraits]
) -> None:
    for part in (parts["unet"], parts[CONTROLS]):
        tune_for_cpu(part)
    settings = _loop(
        options, steps=options.steps, batch=options.batch, rate=options.rate, ema=0.995
    )
    task = JointTask(parts, LOSS)
    report = Printer("joint", 50)
    outcome = train(task, PortraitSource(latents), settings, options.out / "joint", report=report)
    task.module.load_state_dict(_weights(outcome))


def _decoder(
    options: argparse.Namespace, parts: dict[str, Any], latents: Sequence[LatentPortraits]
) -> None:
    """The decoder's second lesson, on what the denoiser makes."""
    settings = _loop(
        options, steps=options.decoder_steps, batch=options.batch, rate=5e-4, ema=0.995
    )
    task, report = DecoderTask(parts, LOSS), Printer("decoder", 50)
    outcome = train(task, PortraitSource(latents), settings, options.out / "decoder", report=report)
    task.module.load_state_dict(_weights(outcome))


def _weights(outcome: Any) -> dict[str, torch.Tensor]:
    return dict(outcome.weights)


def _export(parts: dict[str, Any], options: argparse.Namespace) -> None:
    folder: Path = options.export
    save_parts(parts, folder)
    copy_words(options.out / "tokenizer", folder / "tokenizer")
    size = sum(file.stat().st_size for file in folder.rglob("*") if file.is_file())
    print(f"exported {size / 1e6:.1f} MB to {folder}")


if __name__ == "__main__":
    warnings.filterwarnings("ignore", message="grad and param do not obey the gradient layout")
    main()
