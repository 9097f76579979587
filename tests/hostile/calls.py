"""What no command reaches quickly, called as a command would: its error becomes one line."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path


def resume(folder: str) -> None:
    """Go on with a training run."""
    from animate.training.loop import train
    from tests.animate.training.toy import SETTINGS, LinearTask, NoiseSource

    train(LinearTask(), NoiseSource(), replace(SETTINGS, steps=4), Path(folder))


def draw_sample(folder: str) -> None:
    """Read a data set, and a sample of it."""
    import numpy as np

    from animate.training.dataset import PreparedDataset

    source = PreparedDataset(folder, frames=2, sizes=[(64, 64)])
    source.sample(0, np.random.default_rng(0))


def read_notes(path: str) -> None:
    """What `animate prepare` noted of a film."""
    from animate.training.prepare.entry import read_entries

    read_entries(Path(path))


def add_lora(path: str) -> None:
    """Put LoRA weights into a tiny UNet."""
    from diffusers.models.unets.unet_spatio_temporal_condition import (
        UNetSpatioTemporalConditionModel,
    )

    from animate.pipelines.lora import UNetLoraMixin

    class Tiny(UNetLoraMixin):
        hf_device_map = None
        unet = UNetSpatioTemporalConditionModel(
            block_out_channels=(32, 32),
            down_block_types=("DownBlockSpatioTemporal", "CrossAttnDownBlockSpatioTemporal"),
            up_block_types=("CrossAttnUpBlockSpatioTemporal", "UpBlockSpatioTemporal"),
            layers_per_block=1,
            num_attention_heads=2,
            cross_attention_dim=32,
        )

    Tiny().load_lora_weights(path)


def foresee(folder: str) -> None:
    """What a model's folder would take."""
    from animate import footprint

    place = Path(folder)
    footprint.count_weights(place / "unet")
    footprint.size_multiple(place)
    footprint.denoising(place, 2, 1, (8, 8), "float32")


def read_state(folder: str) -> None:
    """Where the jobs of a batch stand, and the report on them."""
    from animate.batch.report import entries
    from animate.batch.store import Store

    with Store(Path(folder), reading=True) as store:
        entries(store)


def take_journal(folder: str) -> None:
    """Begin a run beside whose output there is a journal already."""
    from animate.journal import Journal

    journal = Journal(Path(folder))
    journal.open()
    journal.begin({"seed": 1})


CALLS: dict[str, Callable[[str], None]] = {
    call.__name__: call
    for call in (resume, draw_sample, read_notes, add_lora, foresee, read_state, take_journal)
}
