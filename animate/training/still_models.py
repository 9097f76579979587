"""Still models made ready for training, and what is written at the end."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from animate.convert import NUMBERS
from animate.pipelines.image import denoiser_of
from animate.still_models import open_folder
from animate.training.export import (
    CONTROLNET,
    LORA,
    LORA_FILE,
    OFFICIAL,
    in_number,
    part_of,
    write_as_authors,
)
from animate.training.methods import add_lora, base_folder, open_base, save_memory
from animate.training.settings import ExportSettings, ModelSettings, StillLoss
from animate.training.stills import StillTask
from temporal.checkpoints import load_controlnext, save_controlnext, save_unet_part
from temporal.controlnext import ControlNeXt
from temporal.patch import changed
from temporal.tensorfiles import write_tensors

# The encoders that the authors trained for each family.
VARIANTS = {"sd15": "sd15_training", "sdxl": "sdxl", "sd3": "sd3"}
OURS = "controlnext"


def load_still(settings: ModelSettings) -> Any:
    """The base as diffusers' pipeline, in full precision. Raises ModelError."""
    return open_folder(base_folder(settings))


def build_still_task(
    model: ModelSettings, loss: StillLoss, export: ExportSettings, *, checkpointing: bool = False
) -> StillTask:
    """The base with a control part or adapters that learn. Raises ModelError or UsageError."""
    pipeline = load_still(model)
    denoiser = denoiser_of(pipeline)
    for one in pipeline.components.values():
        if isinstance(one, torch.nn.Module):
            one.requires_grad_(False).eval()
    part = control_part(denoiser, model)
    if model.method == "controlnext":
        open_base(denoiser, model.trainable)
    if model.rank:
        add_lora(denoiser, model.rank)
    if checkpointing:
        parts = {"denoiser": denoiser, **({} if part is None else {"control": part})}
        save_memory(parts, denoiser, getattr(part, "injection", ()))
    rate = model.base_rate if model.method == "controlnext" else 1.0
    return StillTask(
        pipeline,
        loss,
        family=model.family,
        method=model.method,
        part=part,
        rates={"unet.": rate, "transformer.": rate},
        write=StillExport(model, export, None if model.method == "lora" else part),
    )


def control_part(denoiser: Any, model: ModelSettings) -> Any:
    """A fresh control part for a denoiser, or the one to go on from.

    For a LoRA the one given, which steers as it is while the LoRA learns; None without one.
    """
    torch.manual_seed(0)  # the same start in every process
    if model.method == "lora" and model.control is None:
        return None
    if model.method == "controlnet":
        from diffusers import ControlNetModel, SD3ControlNetModel

        kind: Any = SD3ControlNetModel if model.family == "sd3" else ControlNetModel
        if model.control is not None:
            return kind.from_pretrained(model.control, local_files_only=True)
        if model.family == "sd3":
            half = max(1, denoiser.config["num_layers"] // 2)
            return kind.from_transformer(
                denoiser, num_layers=half, num_extra_conditioning_channels=0
            )
        return kind.from_unet(denoiser)
    if model.control is not None:
        part = load_controlnext(model.control, among=[VARIANTS[model.family]])
        return part.requires_grad_(model.method != "lora")
    return fresh_encoder(denoiser, VARIANTS[model.family])


def fresh_encoder(denoiser: Any, variant: str) -> ControlNeXt:
    """An untrained encoder of a variant, as wide as a denoiser needs it; SD3's for its middle."""
    config = denoiser.config
    fitting: dict[str, Any] = {}
    if "num_layers" in config:
        fitting["out_channels"] = config["num_attention_heads"] * config["attention_head_dim"]
        fitting["site"] = f"transformer_blocks.{config['num_layers'] // 2}:before"
    else:
        fitting["out_channels"] = config["block_out_channels"][-1 if "legacy" in variant else 0]
    built: ControlNeXt = ControlNeXt.from_variant(variant, **fitting)
    return built


class StillExport:
    """Writes the result of training a still model."""

    def __init__(self, model: ModelSettings, settings: ExportSettings, part: Any) -> None:
        self.model, self.settings, self.part = model, settings, part
        self.notes: list[str] = []

    def __call__(self, folder: Path, weights: Mapping[str, Tensor]) -> None:
        """Write into an empty folder; weights by part, as ``unet.conv_in.weight``."""
        number = getattr(torch, NUMBERS[self.settings.number])
        adapters = {name: value for name, value in weights.items() if ".lora_" in name}
        if adapters:
            (folder / LORA).mkdir()
            named = {name.replace(".default.", "."): v for name, v in adapters.items()}
            write_tensors(in_number(named, number), folder / LORA / LORA_FILE)
        if self.part is None:
            return
        self.part.load_state_dict(part_of(weights, self.model.method))
        if self.model.method == "controlnet":
            self.part.to(number).save_pretrained(folder / CONTROLNET)
            return
        plain = {n.replace(".base_layer", ""): v for n, v in weights.items() if ".lora_" not in n}
        self._controlnext(folder, part_of(plain, self._denoiser), number)

    @property
    def _denoiser(self) -> str:
        return "transformer" if self.model.family == "sd3" else "unet"

    def _controlnext(self, folder: Path, tuned: Mapping[str, Tensor], number: torch.dtype) -> None:
        """The encoder and what of the denoiser differs from the base."""
        base = denoiser_of(load_still(self.model)).state_dict()
        values = in_number(changed(tuned, base), number)
        (folder / OURS).mkdir()
        save_controlnext(self.part, folder / OURS / "controlnext.safetensors")
        if values:
            save_unet_part(values, folder / OURS / f"{self._denoiser}.safetensors")
        if self.settings.official != "none" and self.model.family != "sd3":  # they have none
            self.notes += write_as_authors(
                folder / OFFICIAL, self.part, tuned, base, self.settings, number
            )
