"""From a model's name or folder to a pipeline on a device. Never uses the network."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from animate import mini
from animate.config import DEFAULTS, MODELS, ModelDefaults, Settings
from animate.errors import ModelError, UsageError

if TYPE_CHECKING:
    from animate.pipelines.video import ControlNeXtVideoPipeline

# Hugging Face repositories whose local copies make up "svd", and where the ControlNeXt authors
# put the files: the base model first found wins.
SVD_BASES = (
    "stabilityai/stable-video-diffusion-img2vid-xt-1-1",
    "stabilityai/stable-video-diffusion-img2vid-xt",
)
CONTROL_REPOSITORY = "Pbihao/ControlNeXt"
CONTROL_FOLDER = "ControlNeXt-SVD/v2"
CONTROL_FILES = ("controlnet.safetensors",)
UNET_FILES = ("unet.safetensors", "unet_fp16.safetensors")


@dataclass(frozen=True, kw_only=True)
class SvdFiles:
    """The local files that Stable Video Diffusion with ControlNeXt is assembled from."""

    base: Path  # diffusers folder of Stable Video Diffusion
    control: Path  # ControlNeXt's encoder
    unet: Path  # ControlNeXt's values for part of the UNet


@dataclass(frozen=True, kw_only=True)
class ModelChoice:
    """Which model, where it lies, and why it was taken."""

    name: str
    source: Path | SvdFiles
    why: str


@dataclass(frozen=True, kw_only=True)
class Model:
    """A loaded model with what was decided about it."""

    pipeline: ControlNeXtVideoPipeline
    name: str
    why: str
    device: str
    dtype: str
    look: str  # which drawing of the skeleton it was trained on
    defaults: ModelDefaults


def load_model(settings: Settings) -> Model:
    """Choose model, device and number format, and load. Raises UsageError or ModelError."""
    device = pick_device(settings.device)
    choice = choose_model(settings.model, device)
    dtype = pick_dtype(settings.dtype, device, choice.name)
    pipeline = load_pipeline(choice, device, dtype)
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
    )


def choose_model(asked: str, device: str) -> ModelChoice:
    """Decide between the models by what is at hand; `asked` is auto, mini, svd or a folder.

    Raises UsageError for an unknown name, ModelError for a model whose weights are not here.
    """
    if asked == "mini":
        return _choose_mini("as asked")
    if asked == "svd":
        return ModelChoice(name="svd", source=_need_svd(), why="as asked")
    if asked == "auto":
        return _choose_automatically(device)
    folder = Path(asked)
    if not folder.is_dir():
        raise UsageError(
            f"--model {asked}: neither a model ({' | '.join(MODELS)}) nor an existing folder"
        )
    _check_folder(folder)
    return ModelChoice(name=folder.name or str(folder), source=folder, why=f"folder {folder}")


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


def load_pipeline(choice: ModelChoice, device: str, dtype: str) -> ControlNeXtVideoPipeline:
    """Read the weights (safetensors only) and move them to the device.

    Raises ModelError if a file is missing, damaged or does not fit.
    """
    import torch

    _hush()
    try:
        if isinstance(choice.source, SvdFiles):
            pipeline = _assemble_svd(choice.source, getattr(torch, dtype))
        else:
            pipeline = _read_folder(choice.source, getattr(torch, dtype))
    except (OSError, ValueError, KeyError, RuntimeError, TypeError) as error:
        where = choice.source.base if isinstance(choice.source, SvdFiles) else choice.source
        reason = " ".join(str(error).split())
        raise ModelError(f"the model in {where} cannot be loaded: {reason}") from error
    pipeline.to(device)
    pipeline.set_progress_bar_config(disable=True)
    return pipeline


def _choose_automatically(device: str) -> ModelChoice:
    if device != "cuda":
        return _choose_mini("the embedded model, as there is no GPU to run a large one")
    files = find_svd()
    if files is None:
        return _choose_mini("the embedded model, as no Stable Video Diffusion weights are here")
    return ModelChoice(name="svd", source=files, why="its weights and a GPU are here")


def _choose_mini(why: str) -> ModelChoice:
    if not mini.FOLDER.is_dir():
        raise ModelError(f"the embedded model is missing from {mini.FOLDER}: install again")
    _check_folder(mini.FOLDER)
    return ModelChoice(name="mini", source=mini.FOLDER, why=why)


def _check_folder(folder: Path) -> None:
    if not (folder / "model_index.json").is_file() or not (folder / "controlnext").is_dir():
        raise ModelError(
            f"{folder} is no model: expected a pipeline's folder with model_index.json "
            "and controlnext/, as save_pretrained writes it"
        )
    if not any(folder.glob("unet/*.safetensors")):
        raise ModelError(f"{folder}: no safetensors weights in unet/; other formats are refused")


def find_svd() -> SvdFiles | None:
    """The files of Stable Video Diffusion and ControlNeXt in the local cache, if all are there."""
    indexes = (_cached(repository, "model_index.json") for repository in SVD_BASES)
    base = next((index.parent for index in indexes if index), None)
    control = _first_cached(CONTROL_FILES)
    unet = _first_cached(UNET_FILES)
    if base is None or control is None or unet is None:
        return None
    return SvdFiles(base=base, control=control, unet=unet)


def _need_svd() -> SvdFiles:
    files = find_svd()
    if files is None:
        raise ModelError(
            "the weights of Stable Video Diffusion are not complete in the local Hugging Face "
            f"cache: needed are {SVD_BASES[0]} and {CONTROL_FILES[0]} and {UNET_FILES[0]} of "
            f"{CONTROL_REPOSITORY}/{CONTROL_FOLDER}; fetch them, or use --model mini"
        )
    return files


def _first_cached(names: tuple[str, ...]) -> Path | None:
    found = (_cached(CONTROL_REPOSITORY, f"{CONTROL_FOLDER}/{name}") for name in names)
    return next((path for path in found if path), None)


def _cached(repository: str, name: str) -> Path | None:
    from huggingface_hub import try_to_load_from_cache

    path = try_to_load_from_cache(repository, name)
    return Path(path) if isinstance(path, str) else None


def _read_folder(folder: Path, dtype: Any) -> ControlNeXtVideoPipeline:
    from animate.pipelines.video import ControlNeXtVideoPipeline

    pipeline: ControlNeXtVideoPipeline = ControlNeXtVideoPipeline.from_pretrained(
        folder, torch_dtype=dtype, use_safetensors=True, local_files_only=True
    )
    return pipeline


def _assemble_svd(files: SvdFiles, dtype: Any) -> ControlNeXtVideoPipeline:
    """The base model with ControlNeXt's encoder beside it and its values in the UNet."""
    from animate.pipelines.video import ControlNeXtVideoPipeline
    from temporal.checkpoints import load_controlnext, read_tensors

    pipeline: ControlNeXtVideoPipeline = ControlNeXtVideoPipeline.from_pretrained(
        files.base,
        controlnext=load_controlnext(files.control, variant="svd_v2").to(dtype),
        torch_dtype=dtype,
        use_safetensors=True,
        local_files_only=True,
    )
    unknown = pipeline.unet.load_state_dict(read_tensors(files.unet), strict=False).unexpected_keys
    if unknown:
        raise ModelError(f"{files.unet} does not fit the base model: it has {unknown[0]!r}")
    return pipeline


def _hush() -> None:
    """Keep the libraries' own bars and advice out of the output."""
    import warnings

    from diffusers.utils import logging as diffusers_logging
    from transformers.utils import logging as transformers_logging

    for logging in (diffusers_logging, transformers_logging):
        logging.disable_progress_bar()
        logging.set_verbosity_error()
    # The newer name `dtype` is not known to all the diffusers versions that we support.
    warnings.filterwarnings("ignore", message="`torch_dtype` is deprecated")
