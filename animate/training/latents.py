"""The corpus as latents: every clip encoded once, by several processes, resumable."""

from __future__ import annotations

import os
from collections.abc import Callable
from functools import lru_cache, partial
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from animate.training.batches import LatentStack
from animate.training.corpus import ClipStack, spread
from animate.training.data import to_unit
from animate.training.spatial import tune_for_cpu
from temporal.autoencoder import SmallTemporalAutoencoder


def encode_corpus(
    vae_folder: Path,
    corpus: Path,
    folder: Path,
    *,
    workers: int = 1,
    progress: Callable[[int, int], None] | None = None,
) -> None:
    """Encode the clips that ``folder`` lacks, with the autoencoder in ``vae_folder``."""
    clips = sorted(corpus.glob("*/*.npz"))
    missing = [clip for clip in clips if not _target(folder, clip.stem).exists()]
    encode = partial(_encode_file, vae_folder, folder)
    for done, _ in enumerate(spread(encode, missing, workers), start=len(clips) - len(missing) + 1):
        if progress:
            progress(done, len(clips))


def load_latents(clips: ClipStack, folder: Path) -> LatentStack:
    """The latents of a stack of clips, as ``encode_corpus`` wrote them."""
    latents = np.stack([np.load(_target(folder, name)) for name in clips.names])
    return LatentStack(clips=clips, latents=torch.from_numpy(latents))


@torch.no_grad()
def encode(vae: SmallTemporalAutoencoder, frames: NDArray[np.uint8]) -> torch.Tensor:
    """The posterior's mode ``(T, C, h, w)`` of frames ``(T, H, W, 3)``, in half precision."""
    with torch.autocast("cpu", torch.bfloat16):
        mode: torch.Tensor = vae.encode(to_unit(torch.from_numpy(frames))).latent_dist.mode()
    return mode.half()


def _target(folder: Path, name: str) -> Path:
    return folder / f"{name}.npy"


def _encode_file(vae_folder: Path, folder: Path, clip: Path) -> None:
    with np.load(clip, allow_pickle=False) as data:
        latents = encode(_load_vae(vae_folder), data["frames"])
    folder.mkdir(parents=True, exist_ok=True)
    partial_file = folder / f"{clip.stem}.part"
    with partial_file.open("wb") as file:
        np.save(file, latents.numpy())
    os.replace(partial_file, _target(folder, clip.stem))


@lru_cache(maxsize=1)
def _load_vae(folder: Path) -> SmallTemporalAutoencoder:
    torch.set_num_threads(1)
    vae: SmallTemporalAutoencoder = SmallTemporalAutoencoder.from_pretrained(folder)
    tune_for_cpu(vae)
    vae.eval()
    return vae
