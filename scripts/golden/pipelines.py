"""Cases of whole denoising runs: SVD clips in windows, and single SDXL and SD1.5 UNet calls."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import torch
from diffusers import (
    AutoencoderKLTemporalDecoder,
    EulerDiscreteScheduler,
    UNet2DConditionModel,
    UNetSpatioTemporalConditionModel,
)
from einops import rearrange
from PIL import Image
from transformers import CLIPImageProcessor, CLIPVisionConfig, CLIPVisionModelWithProjection

from animate.pipelines.steering import Control, Steering
from animate.pipelines.video import ControlNeXtVideoPipeline
from golden.modules import read, variant_of
from golden.recipe import check_rebuilt, rebuild
from golden.report import Limit, Row, same
from temporal.controlnext import ControlNeXt
from temporal.decode import decode_chunks
from temporal.errors import WindowError
from temporal.inject import inject
from temporal.sites import SITES
from temporal.windows import coverage, official_starts, plan_windows

Tensors = dict[str, torch.Tensor]


def check_windows(folder: Path) -> Iterator[Row]:
    """Window starts, condition frames and contributions, degenerate settings included."""
    manifest, _ = read(folder)
    for entry in manifest["table"]:
        frames, window = entry["num_frames"], entry["frames_per_batch"]
        overlap = entry["overlap"]
        name = f"{frames} frames, window {window}, overlap {overlap}"
        try:
            starts = official_starts(frames, window, overlap)
        except WindowError:
            yield Row(name=name, ok="error" in entry)
            continue
        expected = [entry.get("window_starts"), entry.get("frames_never_written") or None]
        if expected[1] or not expected[0]:
            yield same(f"{name}: starts", starts, expected[0])
            yield Row(name=f"{name}: refused", ok=_refused(frames, window, overlap))
            continue
        plan = plan_windows(frames, window, overlap, blend="official")
        effective = entry["effective_frames_per_batch"]
        slots = [[0, *range(start + 1, start + effective)] for start in expected[0]]
        yield same(f"{name}: starts", [w.start for w in plan], expected[0])
        yield same(f"{name}: conditions", [list(w.controls) for w in plan], slots)
        shares = entry["contributions_per_frame"]
        yield same(f"{name}: contributions", coverage(plan, frames), shares)


def check_svd(folder: Path) -> Iterator[Row]:
    """A clip end to end: conditions, latents after every step, decoded frames, control off."""
    manifest, data = read(folder)
    variant = re.search(r"(\w+) variant", str(manifest["config"].get("control_module")))
    pipeline = _build_svd(manifest, variant.group(1) if variant else "svd_v2")
    for part, weights in manifest["weights"].items():
        if part != "recipe":
            module = "controlnext" if part == "control_module" else part
            yield check_rebuilt(f"weights of {part}", getattr(pipeline, module), weights)
    call, tolerance = manifest["call"], manifest["tolerance"]
    recorder = _Recorder(pipeline, len(call["window_starts"]))
    latents = _run(pipeline, call, data, on_step=recorder.step)
    recorder.remove()
    embeds = Limit.parse(tolerance["image_embeds"])
    limit = Limit.parse(tolerance["latents"])
    got = recorder.tensors
    for key in ("encoder_hidden_states", "added_time_ids"):
        yield embeds.compare(key, got.pop(key), data[key])
    yield embeds.compare("timesteps", pipeline.scheduler.timesteps, data["timesteps"])
    for key in sorted(got.keys() & data.keys()):
        yield limit.compare(key, got[key], data[key])
    yield limit.compare("final_latents", latents, data["final_latents"])
    if "decoded_frames" in data:
        chunks = decode_chunks(pipeline.vae, latents[0], call["decode_chunk_size"])
        frames = rearrange(torch.cat(list(chunks)), "f c h w -> 1 f h w c")
        pixels = Limit.parse(tolerance["decoded_frames"])
        yield pixels.compare("decoded_frames", frames, data["decoded_frames"])
    if "final_latents_control_scale_0" in data:
        off = _run(pipeline, call, data, control_scale=0.0)
        yield limit.compare("control scale 0", off, data["final_latents_control_scale_0"])


def check_unet(folder: Path) -> Iterator[Row]:
    """One call of an SDXL or SD1.5 UNet with control off and on."""
    manifest, data = read(folder)
    variant, limit = variant_of(manifest, folder), Limit.parse(manifest["tolerance"])
    weights = manifest["weights"]
    unet = rebuild(UNet2DConditionModel(**manifest["config"]["unet"]), weights["unet"]["seed"])
    yield check_rebuilt("weights of unet", unet, weights["unet"])
    encoder = rebuild(ControlNeXt.from_variant(variant), weights["control_module"]["seed"])
    yield check_rebuilt("weights of control_module", encoder, weights["control_module"])
    yield limit.compare("output_off", _call_unet(unet, data), data["output_off"])
    for suffix in ("", "_distinct"):
        control = encoder(data[f"control_image{suffix}"], data["timestep"])
        yield limit.compare(f"control_output{suffix}", control, data[f"control_output{suffix}"])
        for key in sorted(data):
            found = re.fullmatch(rf"output_on{suffix}_(scale_([\d.]+)|learned_scale)", key)
            if found:
                scale = float(found.group(2)) if found.group(2) else encoder.scale
                with inject(unet, SITES[variant]) as injector:
                    injector.set(control, scale)
                    yield limit.compare(key, _call_unet(unet, data), data[key])
                picture = data[f"control_image{suffix}"]
                steered = Control(part=encoder, picture=picture, scale=float(found.group(2) or 1))
                with Steering(unet, [steered]):
                    yield limit.compare(f"{key}, steered", _call_unet(unet, data), data[key])


class _Recorder:
    """Keeps what goes through a pipeline's UNet, under the names that the fixtures use."""

    def __init__(self, pipeline: Any, windows: int) -> None:
        self.tensors: Tensors = {}
        self._windows, self._calls = windows, 0
        self._handle = pipeline.unet.register_forward_hook(self._called, with_kwargs=True)

    def remove(self) -> None:
        self._handle.remove()

    def step(self, pipeline: Any, step: int, timestep: Any, kept: Tensors) -> dict[str, Any]:
        self.tensors[f"latents_after_step_{step}"] = kept["latents"].clone()
        return {}

    def _called(self, unet: Any, args: Any, kwargs: dict[str, Any], output: Any) -> None:
        step, window = divmod(self._calls, self._windows)
        self._calls += 1
        self.tensors[f"step{step}_window{window}.unet_input"] = args[0]
        self.tensors[f"step{step}_window{window}.unet_output"] = output[0]
        for key in ("encoder_hidden_states", "added_time_ids"):
            self.tensors[key] = kwargs[key]


def _build_svd(manifest: dict[str, Any], variant: str) -> ControlNeXtVideoPipeline:
    config, weights = manifest["config"], manifest["weights"]
    parts = {
        "vae": AutoencoderKLTemporalDecoder(**config["vae"]),
        "image_encoder": CLIPVisionModelWithProjection(CLIPVisionConfig(**config["image_encoder"])),
        "unet": UNetSpatioTemporalConditionModel(**config["unet"]),
        "control_module": ControlNeXt.from_variant(variant),
    }
    for name, module in parts.items():
        rebuild(module, weights[name]["seed"])
    pipeline = ControlNeXtVideoPipeline(
        controlnext=parts.pop("control_module"),
        scheduler=EulerDiscreteScheduler(**config["scheduler"]),
        feature_extractor=CLIPImageProcessor(**config["feature_extractor"]),
        **parts,
    )
    pipeline.set_progress_bar_config(disable=True)
    return pipeline


def _run(
    pipeline: Any, call: dict[str, Any], data: Tensors, *, on_step: Any = None, **settings: Any
) -> torch.Tensor:
    latents: torch.Tensor = pipeline(
        Image.fromarray(data["image_uint8"].numpy()),
        rearrange(data["condition_uint8"], "f h w c -> f c h w") / 255,
        window=call["frames_per_batch"],
        official=True,
        latents=data["initial_latents"],
        # The image's noise is the generator's first draw; the latents are given.
        generator=torch.Generator("cpu").manual_seed(call["image_noise_seed"]),
        output_type="latent",
        callback_on_step_end=on_step,
        **{key: call[key] for key in _SAME_NAME},
        **settings,
    ).frames
    return latents


_SAME_NAME = (
    *("overlap", "height", "width", "num_inference_steps", "fps", "motion_bucket_id"),
    *("min_guidance_scale", "max_guidance_scale", "noise_aug_strength"),
)


def _refused(frames: int, window: int, overlap: int) -> bool:
    try:
        plan_windows(frames, window, overlap, blend="official")
    except WindowError:
        return True
    return False


def _call_unet(unet: UNet2DConditionModel, data: Tensors) -> torch.Tensor:
    added = {key: data[key] for key in ("text_embeds", "time_ids") if key in data}
    with torch.no_grad():
        output: torch.Tensor = unet(
            data["sample"],
            data["timestep"],
            encoder_hidden_states=data["encoder_hidden_states"],
            added_cond_kwargs=added or None,
        ).sample
    return output
