"""Cases of cost: floating-point operations of one step at the real sizes, counted without data."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from typing import Any

import torch
from diffusers import ControlNetModel, UNet2DConditionModel, UNetSpatioTemporalConditionModel
from torch.utils.flop_counter import FlopCounterMode

from golden.report import Row, uncovered
from temporal.controlnext import ControlNeXt
from temporal.inject import inject
from temporal.sites import SITES

# What the public models' configs say where it differs from diffusers' defaults, which for SVD are
# those of img2vid-xt in all that decides the size.
CROSS = "CrossAttnDownBlock2D"
SD15: dict[str, Any] = {"cross_attention_dim": 768}
SDXL: dict[str, Any] = {
    "down_block_types": ("DownBlock2D", CROSS, CROSS),
    "up_block_types": ("CrossAttnUpBlock2D", "CrossAttnUpBlock2D", "UpBlock2D"),
    "block_out_channels": (320, 640, 1280),
    "transformer_layers_per_block": (1, 2, 10),
    "attention_head_dim": (5, 10, 20),
    "cross_attention_dim": 2048,
    "use_linear_projection": True,
    "addition_embed_type": "text_time",
    "addition_time_embed_dim": 256,
    "projection_class_embeddings_input_dim": 2816,
}
SVD: dict[str, Any] = {"num_attention_heads": (5, 10, 20, 20), "sample_size": 96}
FRAMES, HALVES = 24, 2
SVD_SIZE, SD15_SIZE, SDXL_SIZE = (576, 1024), (512, 512), (1024, 1024)
TOKENS = 77  # of a text prompt
RELATIVE = 0.01  # "1 % (counter version)"


def count(call: Callable[[], Any]) -> float:
    """Floating-point operations of a call in units of 1e9, a multiply-add counted as two."""
    # The device for what the models make on their way.
    with FlopCounterMode(display=False) as counter, torch.no_grad(), torch.device("meta"):
        call()
    return float(counter.get_total_flops()) / 1e9


def control_cost(variant: str, control: torch.Tensor) -> dict[str, float]:
    """GFLOP of an encoder on control frames: the whole, the stem, and all that ignores time."""
    with torch.device("meta"):
        encoder = ControlNeXt.from_variant(variant).eval()
        time = torch.empty(control.shape[0])
    return {
        "all": count(lambda: encoder(control, time)),
        "stem": count(lambda: encoder.stem(control)),
        "prepared": count(lambda: encoder.prepare(control)),
    }


@cache
def svd_unet_cost(frames: int = FRAMES, size: tuple[int, int] = SVD_SIZE) -> float:
    """GFLOP of one call of SVD's UNet, both guidance halves."""
    unet, call = _svd(frames, size)
    return count(lambda: call(unet))


def check_latency(folder: Path) -> Iterator[Row]:
    """Every count and ratio that the manifest gives."""
    manifest = json.loads((folder / "manifest.json").read_text())
    got = {**_svd_costs(), **_image_costs("sd15", SD15_SIZE), **_image_costs("sdxl", SDXL_SIZE)}
    for name, expected in manifest["gflop"].items():
        yield _compare(name, got.get(name), expected)
    for name, expected in manifest["ratios"].items():
        yield _compare(name, _ratio(name, got), expected)
    shares = manifest["time_independent_share_of_control_encoder"]
    for variant in sorted(shares.keys() - {"what"}):
        control = torch.empty(1, 3, *SVD_SIZE, device="meta")
        if variant.startswith("sd"):
            control = torch.empty(1, 3, *SD15_SIZE, device="meta")
        cost = control_cost(variant, control)
        yield _compare(f"share {variant}", cost["prepared"] / cost["all"], shares[variant])


def _svd_costs() -> dict[str, float]:
    control = torch.empty(HALVES, FRAMES, 3, *SVD_SIZE, device="meta")
    costs = {f"svd_unet_{FRAMES}f_576x1024_cfg{HALVES}": svd_unet_cost()}
    for variant in ("svd_v2", "svd_v2_training", "svd_v1"):
        cost = control_cost(variant, control)
        costs[f"{variant}_control_{FRAMES}f_576x1024_cfg{HALVES}"] = cost["all"]
        costs[f"{variant}_control_stem_only_{FRAMES}f_cfg{HALVES}"] = cost["stem"]
    unet, call = _svd(1, (64, 64))
    with inject(unet, SITES["svd_v2"]) as injector:
        plain = count(lambda: call(unet))
        injector.set(torch.empty(HALVES, 320, 8, 8, device="meta"))
        costs["svd_unet_with_control_minus_without"] = count(lambda: call(unet)) - plain
    return costs


def _svd(frames: int, size: tuple[int, int]) -> tuple[Any, Callable[[Any], Any]]:
    height, width = (side // 8 for side in size)
    with torch.device("meta"):
        # `to`, as the weights of the mixing layers disregard the device around them.
        unet = UNetSpatioTemporalConditionModel(**SVD).eval().to("meta")
        sample = torch.empty(HALVES, frames, 8, height, width)
        told = torch.empty(HALVES, 1, 1024), torch.empty(HALVES, 3)
        time = torch.empty(())
    return unet, lambda unet: unet(sample, time, told[0], added_time_ids=told[1])


def _image_costs(family: str, size: tuple[int, int]) -> dict[str, float]:
    costs: dict[str, float] = {}
    config = SDXL if family == "sdxl" else SD15
    variants = ["sdxl"] if family == "sdxl" else ["sd15_training", "sd15_legacy"]
    with torch.device("meta"):
        unet = UNet2DConditionModel(**config).eval()
        branch = ControlNetModel.from_unet(unet, load_weights_from_unet=False).eval()
    for batch in (1, 2):
        end = f"_{size[0]}_batch{batch}"
        control = torch.empty(batch, 3, *size, device="meta")
        told = _told(batch, size, config)
        costs[f"{family}_unet{end}"] = count(lambda told=told: unet(**told))
        costs[f"{family}_controlnet{end}"] = count(
            lambda told=told, control=control: branch(**told, controlnet_cond=control)
        )
        for variant in variants:
            cost = control_cost(variant, control)
            costs[f"{variant}_control{end}"] = cost["all"]
            costs[f"{variant}_control_stem_only{end}"] = cost["stem"]
    return costs


def _told(batch: int, size: tuple[int, int], config: dict[str, Any]) -> dict[str, Any]:
    with torch.device("meta"):
        added = {"text_embeds": torch.empty(batch, 1280), "time_ids": torch.empty(batch, 6)}
        return {
            "sample": torch.empty(batch, 4, size[0] // 8, size[1] // 8),
            "timestep": torch.empty(()),
            "encoder_hidden_states": torch.empty(batch, TOKENS, config["cross_attention_dim"]),
            "added_cond_kwargs": added if "addition_embed_type" in config else None,
        }


def _ratio(name: str, costs: dict[str, float]) -> float | None:
    """The ratio that a name such as "svd_v2_control/svd_unet" stands for, from equal conditions."""
    above, below = name.split("/")
    short = {"sd15_controlnext": "sd15_training_control", "sdxl_controlnext": "sdxl_control"}
    family = above.removesuffix("_stem")
    above = f"{family}_control_stem_only" if above.endswith("_stem") else short.get(above, above)
    below = f"{family}_control" if below == "control" else below
    found = [
        next((cost for key, cost in costs.items() if key.startswith(f"{part}_{unit}")), None)
        for part in (above, below)
        for unit in [_unit(part)]
    ]
    return found[0] / found[1] if found[0] is not None and found[1] else None


def _unit(part: str) -> str:
    return f"{FRAMES}f" if part.startswith("svd") else "1024" if "sdxl" in part else "512"


def _compare(name: str, got: float | None, expected: float) -> Row:
    if got is None:
        return uncovered(name)
    off = abs(got - expected) / (abs(expected) or 1.0)
    return Row(name=name, ok=off <= RELATIVE, difference=off, limit=RELATIVE)
