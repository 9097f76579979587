"""What memory and how many operations a run takes, from configurations and headers alone."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from animate import footprint
from animate.config import Resolved
from animate.parts import Parts

# Bytes per number.
WIDTHS = {"float32": 4, "float16": 2, "bfloat16": 2}
PARTS = ("unet", "vae", "image_encoder", "controlnext")
# The libraries' code and work space that come into main memory with the model. Source:
# scripts/bench_planner.py, the same in all its cases within 15 MB.
LIBRARIES = 120 * 10**6
# Weights on the GPU under group offload: layers in use and on their way (estimate, not measured).
GROUP_SHARE = 0.05
# With drafts: they are encoded before the denoising, and encoded and decoded beside the result
# (`temporal.drafts`); encoding counted as half of decoding.
DRAFTED = 3
OFFICIAL_STEM = 128  # channels of the released encoders' stem


@dataclass(frozen=True, kw_only=True)
class Prediction:
    """Memory in bytes: of the weights and of each stage at work besides; operations of the run."""

    weights: int
    denoising: int
    decoding: int
    peak: int  # of all this at once, on the device
    flops: dict[str, int]  # by stage


def predict(parts: Parts, settings: Resolved, frames: int) -> Prediction:
    """What a run of so many frames takes with these settings."""
    base, width = parts.base, WIDTHS[settings.dtype]
    _, scale = footprint.channels_and_scale(base)
    latent = (settings.size[0] // scale, settings.size[1] // scale)
    guided = max(settings.guidance_ends) > 1
    halves = 2 if guided and not settings.halves_apart else 1
    window = min(settings.window, frames)
    upcast = settings.dtype == "float16" and footprint.upcasts(base)
    beside = _part_folder(parts) if settings.control_scale and _is_controlnet(parts) else None
    one_call = footprint.denoising(base, window, halves, latent, settings.dtype, beside)
    one_chunk = footprint.decoding(
        base,
        min(settings.decode_chunk, frames),
        latent,
        "float32" if upcast else settings.dtype,
    )
    weights = {part: footprint.count_weights(base / part) * width for part in PARTS}
    if parts.control is not None:
        weights["controlnext"] = footprint.count_weights(_part_folder(parts)) * width
    calls = frames / window * (2 if guided else 1) / halves
    if settings.windows != "shifted" and frames > window:
        calls *= window / (window - settings.overlap)
    flops = {
        "denoising": int(one_call.flops * calls * settings.steps),
        "decoding": int(one_chunk.flops * frames / min(settings.decode_chunk, frames)),
    }
    config = _encoder_config(parts)
    if settings.control_scale and (config.get("draft_channels") or config.get("drafted")):
        flops["decoding"] *= DRAFTED
    denoising = one_call.memory + _kept_control(parts, settings, frames)
    return Prediction(
        weights=sum(weights.values()),
        denoising=denoising,
        decoding=one_chunk.memory + (weights["vae"] if upcast else 0),
        peak=_peak(weights, denoising, one_chunk.memory, settings.offload, upcast)
        + (LIBRARIES if settings.device == "cpu" else 0),
        flops=flops,
    )


def _peak(
    weights: dict[str, int], denoising: int, decoding: int, offload: str, upcast: bool
) -> int:
    """Bytes on the device, by what of the weights is there while each stage works."""
    decoder = weights["vae"] * (2 if upcast else 1)
    everything = sum(weights.values()) - weights["vae"] + decoder
    always = weights["controlnext"]
    if offload == "none":
        return everything + max(denoising, decoding)
    if offload == "model":
        return always + max(weights["unet"] + denoising, decoder + decoding)
    return always + int(GROUP_SHARE * everything) + max(denoising, decoding)


def _kept_control(parts: Parts, settings: Resolved, frames: int) -> int:
    """What the control part keeps from step to step, up to its budget.

    A ControlNeXt's is what its stem gives, a ControlNet's the frames as its first features.
    """
    from temporal.features import default_memory

    if settings.control_scale == 0:
        return 0
    config, pixels = _encoder_config(parts), settings.size[0] * settings.size[1]
    if _is_controlnet(parts):
        numbers = pixels // 4 ** config["halvings"] * config["unet"]["block_out_channels"][0]
    else:
        widths = config.get("stem_channels", (OFFICIAL_STEM,)) or (3,)
        numbers = pixels // 4 * widths[-1]
    kept: int = numbers * WIDTHS[settings.dtype] * frames
    return min(default_memory(settings.device), kept)


def control_look(parts: Parts) -> str:
    """The look of the control drawings; the reference's for released files, which say nothing."""
    return str(_encoder_config(parts).get("control_look", "official"))


def _is_controlnet(parts: Parts) -> bool:
    return _encoder_config(parts).get("_class_name") == "ControlNet"


def _part_folder(parts: Parts) -> Path:
    """Where the control part lies: a folder, that in it which holds the part, or a file."""
    from temporal.checkpoints import place_of_part

    return place_of_part(parts.base / "controlnext" if parts.control is None else parts.control)


def _encoder_config(parts: Parts) -> dict[str, Any]:
    """The control encoder's; empty for released files, which have none."""
    own = _part_folder(parts)
    config = (own if own.is_dir() else own.parent) / "config.json"
    read: dict[str, Any] = {}
    if config.is_file():
        read = json.loads(config.read_text(encoding="utf-8"))
    return read
