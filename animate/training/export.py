"""What a run leaves for its user: a model for `animate --model`, a LoRA, the authors' files."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from animate.convert import NUMBERS
from animate.errors import ModelError
from animate.layouts import Content, write_official
from animate.training.methods import load_video
from animate.training.settings import ExportSettings, ModelSettings
from temporal.patch import changed, difference
from temporal.tensorfiles import write_tensors

MODEL, LORA, CONTROLNET, OFFICIAL = "model", "lora", "controlnet", "official"
LORA_FILE = "pytorch_lora_weights.safetensors"  # diffusers' names
CONTROLNET_FILE = "diffusion_pytorch_model.safetensors"


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
            write_tensors(_in(named, number), folder / LORA / LORA_FILE)
        if self.model.method == "controlnet":
            (folder / CONTROLNET).mkdir()
            own = part_of(weights, "controlnet")
            write_tensors(_in(own, number), folder / CONTROLNET / CONTROLNET_FILE)
        elif self.model.method == "controlnext":
            self._model(folder, weights, number)

    def _model(self, folder: Path, weights: Mapping[str, Tensor], number: torch.dtype) -> None:
        """A whole model: the base with the trained parts in their places."""
        pipeline = load_video(self.model)
        plain = {name.replace(".base_layer", ""): v for name, v in weights.items()}
        plain = {name: value for name, value in plain.items() if ".lora_" not in name}
        if self.settings.official != "none":
            self._official(folder / OFFICIAL, pipeline, plain, number)
        for part in ("unet", "controlnext", "image_encoder"):
            if own := part_of(plain, part):
                getattr(pipeline, part).load_state_dict(own)
        write_pipeline(pipeline, folder / MODEL, number)

    def _official(
        self, folder: Path, pipeline: Any, weights: Mapping[str, Tensor], number: torch.dtype
    ) -> None:
        """The encoder, and what of the UNet differs from the base: values or increments."""
        folder.mkdir()
        encoder = pipeline.controlnext
        encoder.load_state_dict(part_of(weights, "controlnext"))
        tuned, base = part_of(weights, "unet"), pipeline.unet.state_dict()
        increments = self.settings.official == "increments"
        unet = difference(tuned, base) if increments else changed(tuned, base)
        if not increments:
            unet = _in(unet, number)
        content = Content(encoder=encoder, unet=unet or None, increments=increments)
        try:
            write_official(content, folder)
        except ModelError as error:
            self.notes.append(f"No official files: {error}")
        self.notes += content.notes


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


def _in(tensors: Mapping[str, Tensor], number: torch.dtype) -> dict[str, Tensor]:
    return {name: value.to(number).contiguous() for name, value in tensors.items()}
