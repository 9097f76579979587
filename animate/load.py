"""From a model's name or files to a pipeline on a device. Never uses the network."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from animate import devices
from animate.config import DEFAULTS, ModelDefaults, Settings
from animate.errors import ModelError, UsageError
from animate.parts import Parts, choose_model

if TYPE_CHECKING:
    from animate.pipelines.video import ControlNeXtVideoPipeline

CHECKPOINT_FOLDERS = ("vae", "image_encoder", "unet", "controlnext")


@dataclass(frozen=True, kw_only=True)
class Model:
    """A loaded model with what was decided about it; notes: lines about its files."""

    pipeline: ControlNeXtVideoPipeline
    name: str
    why: str
    device: str
    dtype: str
    look: str  # which drawing of the skeleton it was trained on
    defaults: ModelDefaults
    notes: tuple[str, ...] = ()


def load_model(settings: Settings) -> Model:
    """Choose model, device and number format, and load.

    Raises UsageError, ModelError, or temporal.CheckpointError for a part that does not fit.
    """
    device = pick_device(settings.device)
    choice = choose_model(settings, device)
    dtype = pick_dtype(settings.dtype, device, choice.name)
    notes: list[str] = []
    pipeline = load_pipeline(choice.parts, device, dtype, settings, report=notes.append)
    look = str(pipeline.controlnext.config["control_look"])
    if look not in DEFAULTS:
        raise ModelError(f"{choice.name} wants skeletons drawn in an unknown look, {look!r}")
    return Model(
        pipeline=pipeline,
        name=choice.name,
        why=choice.why,
        device=device,
        dtype=dtype,
        look=look,
        defaults=DEFAULTS[look],
        notes=tuple(notes),
    )


def pick_device(asked: str) -> str:
    """cpu or cuda; raises UsageError if a GPU is asked for and none can be used."""
    import torch

    available = torch.cuda.is_available()
    if asked == "auto":
        return "cuda" if available else "cpu"
    if asked == "cuda" and not available:
        raise UsageError("--device cuda: torch finds no usable GPU here; use --device cpu")
    return asked


def pick_dtype(asked: str, device: str, model: str) -> str:
    """What was asked for; else float16 for a large model on a GPU, float32 for the rest."""
    if asked != "auto":
        return asked
    return "float16" if device == "cuda" and model != "mini" else "float32"


def load_pipeline(
    parts: Parts,
    device: str,
    dtype: str,
    settings: Settings | None = None,
    *,
    report: Callable[[str], None] = lambda line: None,
) -> ControlNeXtVideoPipeline:
    """Read the weights and move them to the device; pickles only if the settings allow it.

    report(line) is told what was assumed about the files and what came from them. Raises
    ModelError if a file is missing or damaged, temporal.CheckpointError if it does not fit.
    """
    import torch
    from safetensors import SafetensorError

    from animate.pipelines.video import ControlNeXtVideoPipeline
    from temporal.schedulers import find_scheduler

    hush()
    number = getattr(torch, dtype)
    replaced = _replaced_parts(parts, number, settings or Settings(), report)
    try:
        pipeline: ControlNeXtVideoPipeline = ControlNeXtVideoPipeline.from_pretrained(
            parts.base,
            torch_dtype=number,
            use_safetensors=True,
            local_files_only=True,
            variant=stored_variant(parts.base, set(CHECKPOINT_FOLDERS) - replaced.keys()),
            **replaced,
        )
    except (OSError, ValueError, LookupError, RuntimeError, TypeError, AttributeError,
            SafetensorError) as error:  # fmt: skip
        reason = " ".join(str(error).split())
        raise ModelError(f"the model in {parts.base} cannot be loaded: {reason}") from error
    settings = settings or Settings()
    pipeline.scheduler = find_scheduler(settings.scheduler, pipeline.scheduler)
    _add_lora(pipeline, settings.lora)
    devices.place(pipeline, device, settings)
    pipeline.set_progress_bar_config(disable=True)
    return pipeline


def _add_lora(pipeline: ControlNeXtVideoPipeline, files: tuple[tuple[str, float], ...]) -> None:
    """Put LoRA weights into the UNet, each at its scale. Raises UsageError without peft."""
    if not files:
        return
    names = [f"lora_{number}" for number in range(len(files))]
    try:
        for name, (file, _) in zip(names, files, strict=True):
            pipeline.load_lora_weights(file, adapter_name=name)
    except ImportError as error:
        raise UsageError(str(error)) from error
    pipeline.set_adapters(names, [scale for _, scale in files])


def _replaced_parts(
    parts: Parts, number: Any, settings: Settings, report: Callable[[str], None]
) -> dict[str, Any]:
    """The pipeline's components that do not come from the base's folder."""
    from temporal.control import load_control
    from temporal.unets import load_unet

    replaced: dict[str, Any] = {}
    if parts.control is not None:
        control = load_control(
            parts.control,
            variant=settings.variant,
            allow_pickle=settings.allow_pickle,
            report=report,
        )
        replaced["controlnext"] = control.to(number)
    if parts.unet is not None:
        replaced["unet"], line = load_unet(
            parts.base / "unet",
            parts.unet,
            dtype=number,
            increments=None if settings.unet_as == "auto" else settings.unet_as == "increments",
            allow_pickle=settings.allow_pickle,
        )
        report(line)
    elif parts.control is not None:
        report(f"UNet: the own one of {parts.base.name}; --unet names another")
    return replaced


def stored_variant(base: Path, components: set[str]) -> str | None:
    """ "fp16" if a component's weights are there in that form alone, as they are fetched."""
    for component in components:
        names = [path.name for path in (base / component).glob("*.safetensors")]
        if names and all(".fp16." in name for name in names):
            return "fp16"
    return None


def hush() -> None:
    """Keep the libraries' own bars and advice out of the output."""
    import warnings

    from diffusers.utils import logging as diffusers_logging
    from transformers.utils import logging as transformers_logging

    for logging in (diffusers_logging, transformers_logging):
        logging.disable_progress_bar()
        logging.set_verbosity_error()
    # The newer name `dtype` is not known to all the diffusers versions that we support.
    warnings.filterwarnings("ignore", message="`torch_dtype` is deprecated")
