"""What a run leaves for its user: a model for `animate --model`, a LoRA, the authors' files."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from animate.convert import NUMBERS
from animate.layouts import Content, write_official
from animate.training.methods import controlnet_of, load_video
from animate.training.settings import ExportSettings, ModelSettings
from temporal.checkpoints import CONFIG_NAME
from temporal.official import variant_of
from temporal.patch import changed, difference
from temporal.tensorfiles import FOLDER_WEIGHTS, write_tensors

MODEL, LORA, CONTROLNET, OFFICIAL = "model", "lora", "controlnet", "official"
LORA_FILE = "pytorch_lora_weights.safetensors"  # diffusers' names


class VideoExport:
    """Writes the result of training a video model, from the base and the trained weights."""

    def __init__(self, model: ModelSettings, settings: ExportSettings) -> None:
        self.model, self.settings = model, settings
        self.notes: list[str] = []

    def __call__(self, folder: Path, weights: Mapping[str, Tensor]) -> None:
        """Write into an empty folder; weights by part, as ``unet.conv_in.weight``."""
        number = getattr(torch, NUMBERS[self.settings.number])
        adapters = {name: value for name, value in weights.items() if ".lora_" in name}
        if adapters:
            (folder / LORA).mkdir()
            named = {name.replace(".default.", "."): v for name, v in adapters.items()}
            write_tensors(in_number(named, number), folder / LORA / LORA_FILE)
        if self.model.method == "controlnet":
            self._controlnet(folder / CONTROLNET, part_of(weights, "controlnet"), number)
        elif self.model.method == "controlnext":
            self._model(folder, weights, number)

    def _controlnet(self, folder: Path, weights: Mapping[str, Tensor], number: torch.dtype) -> None:
        """The copy alone: the base beside which it works is as it was."""
        part: Any = controlnet_of(load_video(self.model))
        part.save_config(folder)
        _forget_origin(folder / CONFIG_NAME)
        write_tensors(in_number(weights, number), folder / FOLDER_WEIGHTS)
        self.notes.append(
            f"Animate with the ControlNet beside its base: --model {self.model.base} "
            f"--controlnext .../{CONTROLNET}"
        )

    def _model(self, folder: Path, weights: Mapping[str, Tensor], number: torch.dtype) -> None:
        """A whole model: the base with the trained parts in their places."""
        pipeline = load_video(self.model)
        plain = {name.replace(".base_layer", ""): v for name, v in weights.items()}
        plain = {name: value for name, value in plain.items() if ".lora_" not in name}
        if self.settings.official != "none":
            pipeline.controlnext.load_state_dict(part_of(plain, "controlnext"))
            self.notes += write_as_authors(
                folder / OFFICIAL,
                pipeline.controlnext,
                part_of(plain, "unet"),
                pipeline.unet.state_dict(),
                self.settings,
                number,
            )
        for part in ("unet", "controlnext", "image_encoder"):
            if own := part_of(plain, part):
                getattr(pipeline, part).load_state_dict(own)
        write_pipeline(pipeline, folder / MODEL, number)


def write_as_authors(
    folder: Path,
    encoder: Any,
    tuned: Mapping[str, Tensor],
    base: Mapping[str, Tensor],
    settings: ExportSettings,
    number: torch.dtype,
) -> list[str]:
    """Write the authors' files: the encoder, and what of the UNet differs from the base.

    An encoder that is none of the authors' has no such file; returns notes about that.
    """
    folder.mkdir()
    increments = settings.official == "increments"
    unet = difference(tuned, base) if increments else in_number(changed(tuned, base), number)
    known = variant_of(encoder) is not None
    content = Content(encoder=encoder if known else None, unet=unet or None, increments=increments)
    write_official(content, folder)
    if not known:
        content.notes.append("No official file of the encoder: it has settings of its own")
    return content.notes


def part_of(weights: Mapping[str, Tensor], part: str) -> dict[str, Tensor]:
    """The tensors of one part under its own names."""
    prefix = f"{part}."
    return {n.removeprefix(prefix): v for n, v in weights.items() if n.startswith(prefix)}


def write_pipeline(pipeline: Any, folder: Path, number: torch.dtype) -> None:
    """Save a pipeline in a number format, weights laid out plainly."""
    for part in pipeline.components.values():
        if isinstance(part, nn.Module):
            part.to(number).eval()
            for parameter in part.parameters():
                parameter.data = parameter.data.contiguous()
    pipeline.save_pretrained(folder, safe_serialization=True)
    # Without torchvision, transformers 5 writes a class name that version 4 does not know.
    index = folder / "model_index.json"
    index.write_text(index.read_text().replace("CLIPImageProcessorPil", "CLIPImageProcessor"))
    for config in (index, *folder.glob("*/config.json")):
        _forget_origin(config)


def _forget_origin(config: Path) -> None:
    """Where a part was loaded from is a path of the machine it was trained on."""
    told = json.loads(config.read_text(encoding="utf-8"))
    if told.pop("_name_or_path", None) is not None:
        config.write_text(json.dumps(told, indent=2, sort_keys=True) + "\n", encoding="utf-8")


def in_number(tensors: Mapping[str, Tensor], number: torch.dtype) -> dict[str, Tensor]:
    """Tensors in a number format, laid out plainly."""
    return {name: value.to(number).contiguous() for name, value in tensors.items()}
