"""Video models made ready for training: which of their weights learn, by method."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping
from functools import partial
from pathlib import Path
from typing import Any

import torch
from torch import nn

from animate import mini
from animate.errors import ModelError, UsageError
from animate.load import stored_variant
from animate.pipelines.lora import AdaptableUNet
from animate.pipelines.video import ControlNeXtVideoPipeline
from animate.training.settings import ModelSettings
from temporal.control import load_control
from temporal.controlnet import ControlNet
from temporal.controlnext import ControlNeXt
from temporal.sites import Site
from temporal.trainable import select_trainable

# Attention projections that a LoRA adapts; peft's and diffusers' usual choice.
LORA_TARGETS = ["to_q", "to_k", "to_v", "to_out.0"]
VIDEO_PARTS = ("unet", "vae", "image_encoder", "controlnext")


def base_folder(settings: ModelSettings) -> Path:
    """Where the base lies. Raises ModelError if no model is there."""
    folder = mini.FOLDER if settings.base == "mini" else Path(settings.base)
    if not (folder / "model_index.json").is_file():
        raise ModelError(f"{folder} is no model's folder: it has no model_index.json")
    return folder


def load_video(settings: ModelSettings) -> ControlNeXtVideoPipeline:
    """The base with a part for control, in full precision. Raises ModelError."""
    folder = base_folder(settings)
    replaced: dict[str, Any] = {}
    if settings.control is not None:
        replaced["controlnext"] = load_control(settings.control)
    elif not (folder / "controlnext").is_dir():
        replaced["controlnext"] = _new_encoder(folder, settings.variant)
    components = set(VIDEO_PARTS) - set(replaced)
    try:
        pipeline = ControlNeXtVideoPipeline.from_pretrained(
            folder,
            torch_dtype=torch.float32,
            local_files_only=True,
            variant=stored_variant(folder, components),
            **replaced,
        )
    except (OSError, ValueError, KeyError, RuntimeError, TypeError) as error:
        reason = " ".join(str(error).split())
        raise ModelError(f"the model in {folder} cannot be loaded: {reason}") from error
    pipeline.set_progress_bar_config(disable=True)
    return pipeline


def prepare_video(
    pipeline: ControlNeXtVideoPipeline, settings: ModelSettings, *, checkpointing: bool = False
) -> tuple[dict[str, nn.Module], dict[str, float]]:
    """Choose what of the pipeline's parts learns; the parts by name, and factors on the rate.

    The parts are the pipeline's own. checkpointing: compute activations twice to save memory.
    Raises UsageError for what the method cannot go on with, or would not export.
    """
    _check_control(pipeline.controlnext, settings)
    if settings.image_encoder and settings.method != "controlnext":
        raise UsageError(
            "image_encoder: true needs method: controlnext, whose result is a whole model; "
            f"that of {settings.method} has no image encoder"
        )
    parts: dict[str, nn.Module] = {name: getattr(pipeline, name) for name in VIDEO_PARTS}
    for part in parts.values():
        part.requires_grad_(False)
    parts["image_encoder"].requires_grad_(settings.image_encoder)
    if settings.method == "controlnext":
        parts["controlnext"].requires_grad_(True)
        open_base(parts["unet"], settings.trainable)
    elif settings.method == "controlnet":
        del parts["controlnext"]
        pipeline.register_modules(controlnext=controlnet_of(pipeline))
        parts["controlnet"] = pipeline.controlnext.requires_grad_(True)
    if settings.rank:
        add_lora(pipeline.unet, settings.rank)
    if checkpointing:
        save_memory(parts, parts["unet"], getattr(pipeline.controlnext, "injection", ()))
    return parts, {"unet.": settings.base_rate if settings.method == "controlnext" else 1.0}


def _check_control(part: Any, settings: ModelSettings) -> None:
    """Raise UsageError for a control given that is not what the method trains."""
    kind = "controlnet" if isinstance(part, ControlNet) else "controlnext"
    own = settings.control is None and kind == "controlnext"  # of which a ControlNet takes the look
    if settings.method not in (kind, "lora") and not own:
        raise UsageError(
            f"method: {settings.method} cannot go on with a {type(part).__name__}, which the "
            f"control given is; choose method: {kind}, or another model.control"
        )


def controlnet_of(pipeline: ControlNeXtVideoPipeline) -> ControlNet:
    """The pipeline's own ControlNet, or a new one beside its UNet."""
    part: ControlNet = pipeline.controlnext
    if not isinstance(part, ControlNet):
        torch.manual_seed(0)  # the same start in every process
        part = ControlNet.from_unet(
            pipeline.unet,
            halvings=int(math.log2(pipeline.vae_scale_factor)),
            control_look=part.config["control_look"],
            drafted=part.sees_draft,
        )
    return part


def open_base(unet: nn.Module, rule: str) -> list[str]:
    """Let what a rule of `temporal.trainable` selects learn, and return its names."""
    names = select_trainable((name for name, _ in unet.named_parameters()), rule)
    chosen = set(names)
    for name, parameter in unet.named_parameters():
        parameter.requires_grad_(name in chosen)
    return names


def add_lora(unet: Any, rank: int) -> None:
    """Put trainable adapters of this rank into a UNet; at first they change nothing."""
    try:
        from peft import LoraConfig
    except ImportError as error:
        raise UsageError("a LoRA needs peft: pip install 'animate-controlnext[lora]'") from error
    if not hasattr(unet, "add_adapter"):  # diffusers' video UNet
        unet.__class__ = AdaptableUNet
    # A scale of 1, so that the file needs no settings beside it.
    config = LoraConfig(r=rank, lora_alpha=rank, target_modules=LORA_TARGETS)
    frozen = {name for name, p in unet.named_parameters() if not p.requires_grad}
    unet.add_adapter(config)
    for name, parameter in unet.named_parameters():  # peft has frozen all but its own
        bare = name.replace(".base_layer", "")
        parameter.requires_grad_(".lora_" in name or bare not in frozen)


def save_memory(parts: Mapping[str, nn.Module], denoiser: nn.Module, sites: Iterable[Site]) -> None:
    """Let every part that can compute its activations twice instead of keeping them.

    sites: where control joins the denoiser. Those blocks keep their activations: when they would
    be computed again, in the backward pass, the hooks are gone.
    """
    for part in parts.values():
        for module in part.modules():
            enable: Any = getattr(module, "enable_gradient_checkpointing", None)
            if enable is not None and getattr(module, "_supports_gradient_checkpointing", False):
                enable()
    hooked = {denoiser.get_submodule(site.module) for site in sites}
    for module in denoiser.modules():
        checkpoint = getattr(module, "_gradient_checkpointing_func", None)
        if checkpoint is not None:
            spared: Any = partial(_unless_hooked, hooked, checkpoint)
            module._gradient_checkpointing_func = spared


def _unless_hooked(
    hooked: set[nn.Module], checkpoint: Callable[..., Any], block: Any, *inputs: Any
) -> Any:
    """Call a block through torch's checkpoint unless it is hooked or has hooked parts."""
    if isinstance(block, nn.Module) and not hooked.isdisjoint(block.modules()):
        return block(*inputs)
    return checkpoint(block, *inputs)


def _new_encoder(folder: Path, variant: str) -> ControlNeXt:
    """A fresh encoder of the base's width."""
    from diffusers import UNetSpatioTemporalConditionModel

    config = UNetSpatioTemporalConditionModel.load_config(folder / "unet")
    width = config["block_out_channels"][-1 if variant == "svd_v1" else 0]
    torch.manual_seed(0)  # the same start in every process
    built: ControlNeXt = ControlNeXt.from_variant(variant, out_channels=width)
    return built
