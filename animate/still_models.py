"""From a model's name or files to one of diffusers' still pipelines. Never uses the network."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from animate import mini
from animate.errors import ModelError
from animate.load import hush, pick_device, pick_dtype, stored_variant
from animate.still_settings import FAMILIES, FAMILY_DEFAULTS, MULTIPLES, StillSettings

# Beginnings of pipelines' names in model_index.json, longest first, and their families.
NAMES = {
    "StableDiffusion3": "sd3",
    "StableDiffusionXL": "sdxl",
    "StableDiffusion": "sd15",
}
PIPELINES = {
    "sd15": "StableDiffusionPipeline",
    "sdxl": "StableDiffusionXLPipeline",
    "sd3": "StableDiffusion3Pipeline",
}
# Components that a pipeline can do without: the 19 GB T5 of SD3, checkers and adapters.
OPTIONAL = (
    *("text_encoder_3", "tokenizer_3"),
    *("safety_checker", "feature_extractor", "image_encoder"),
)
SINGLE_FILE = ".safetensors"
DEFAULTS = "defaults.json"  # in a model's folder: the steps, guidance and so on it works best with


@dataclass(frozen=True, kw_only=True)
class StillModel:
    """A loaded base with what was decided about it. folder: None for a single file."""

    pipeline: Any
    family: str
    name: str
    folder: Path | None
    device: str
    dtype: str

    @property
    def short_side(self) -> int:
        """Pixels of the short side of what the model was trained on."""
        from animate.pipelines.image import denoiser_of

        config = denoiser_of(self.pipeline).config
        return int(config["sample_size"]) * int(self.pipeline.vae_scale_factor)

    @property
    def multiple(self) -> int:
        """What width and height are multiples of, in pixels."""
        return MULTIPLES[self.family]

    @property
    def defaults(self) -> tuple[int, float]:
        """Steps and guidance that it works best with: its folder's own, else its family's."""
        steps, guidance = FAMILY_DEFAULTS[self.family]
        return int(self.told("steps", steps)), self.told("guidance", guidance)

    def told(self, name: str, otherwise: float) -> float:
        """A number that the model's folder gives for what it works best with (`DEFAULTS`)."""
        file = self.folder / DEFAULTS if self.folder else None
        if file is None or not file.is_file():
            return otherwise
        try:
            return float(json.loads(file.read_text()).get(name, otherwise))
        except (OSError, ValueError, TypeError, AttributeError) as error:
            raise ModelError(
                f'{file} does not tell its {name}; expected e.g. {{"steps": 20, "guidance": 5.0}}'
            ) from error


def load_still_model(settings: StillSettings) -> StillModel:
    """Find and load the base. Raises UsageError or ModelError."""
    device = pick_device(settings.device)
    path = find_base(settings.model)
    small = path.resolve().name.startswith("mini")
    dtype = pick_dtype(settings.dtype, device, "mini" if small else path.name)
    if path.is_dir():
        family = family_of(path)
        pipeline = open_folder(path, dtype)
    else:
        family, pipeline = _open_file(path, settings.config, dtype)
    if settings.vae is not None:
        pipeline.register_modules(vae=_open_vae(Path(settings.vae), dtype))
    pipeline.to(device)
    return StillModel(
        pipeline=pipeline,
        family=family,
        name=settings.model if settings.model in FAMILIES else path.resolve().name,
        folder=path if path.is_dir() else None,
        device=device,
        dtype=dtype,
    )


def find_base(model: str) -> Path:
    """Where a base lies: embedded, in the Hub's cache, or as given. Raises ModelError."""
    if model.startswith("mini-") and not Path(model).exists():
        folder = mini.FOLDER.with_name(model)
        if not (folder / "model_index.json").is_file():
            raise ModelError(
                f"no model {model} is in this package yet: give --model sd15, sdxl, sd3 or a "
                "folder (scripts/build_mini_image.py and build_mini_sd3.py train small ones)"
            )
        return folder
    if model not in FAMILIES:
        return Path(model)
    from animate import hub

    found = hub.locate(model)
    if found is None:
        raise ModelError(
            f"the weights of {model} are not here: run `animate models fetch {model}`, or give "
            "--model FOLDER"
        )
    return found


def family_of(folder: Path) -> str:
    """The family of a pipeline's folder. Raises ModelError if it holds none of ours."""
    name = str(_index(folder).get("_class_name", "nothing"))
    family = next((value for start, value in NAMES.items() if name.startswith(start)), None)
    if family is None:
        raise ModelError(
            f"{folder} holds a {name}; pictures are made by Stable Diffusion 1.5, XL and 3"
        )
    return family


def open_folder(folder: Path, dtype: str = "float32") -> Any:
    """A folder in diffusers' layout as the pipeline of its family. Raises ModelError."""
    import diffusers
    import torch

    import temporal.autoencoder  # noqa: F401 - diffusers loads from what is imported, and no more

    hush()
    kind: Any = getattr(diffusers, PIPELINES[family_of(folder)])
    listed = [name for name, value in _index(folder).items() if isinstance(value, list)]
    absent = {name: None for name in OPTIONAL if name in listed and not (folder / name).is_dir()}
    try:
        pipeline = kind.from_pretrained(
            folder,
            torch_dtype=getattr(torch, dtype),
            local_files_only=True,
            use_safetensors=True,
            variant=stored_variant(folder, set(listed) - absent.keys()),
            **absent,
        )
    except (OSError, ValueError, KeyError, RuntimeError, TypeError) as error:
        reason = " ".join(str(error).split())
        raise ModelError(f"the model in {folder} cannot be loaded: {reason}") from error
    pipeline.set_progress_bar_config(disable=True)
    return pipeline


def _index(folder: Path) -> dict[str, Any]:
    try:
        index: dict[str, Any] = json.loads((folder / "model_index.json").read_text())
    except (OSError, ValueError) as error:
        raise ModelError(
            f"{folder} is no model's folder: it has no readable model_index.json"
        ) from error
    return index


def _open_file(path: Path, config: str | None, dtype: str) -> tuple[str, Any]:
    """A checkpoint of one file, as other programs use them, and its family."""
    import diffusers
    import torch

    from animate import hub

    if path.suffix != SINGLE_FILE:
        raise ModelError(f"{path}: a model is a folder or a {SINGLE_FILE} file; others are refused")
    hush()
    family = family_of(Path(config)) if config else _family_by_names(path)
    settings = Path(config) if config else hub.locate(family)
    if settings is None:
        raise ModelError(
            f"{path.name} looks like {family} and brings no settings: give --config FOLDER, a "
            f"model's folder of that family, or run `animate models fetch {family}`"
        )
    kind: Any = getattr(diffusers, PIPELINES[family])
    try:
        pipeline = kind.from_single_file(
            str(path),
            config=str(settings),
            torch_dtype=getattr(torch, dtype),
            local_files_only=True,
            **({"safety_checker": None} if family == "sd15" else {}),
        )
    except (OSError, ValueError, KeyError, RuntimeError, TypeError, AttributeError) as error:
        reason = " ".join(str(error).split())[:300]
        raise ModelError(f"{path} cannot be loaded as {family}: {reason}") from error
    pipeline.set_progress_bar_config(disable=True)
    return family, pipeline


# Parts of names in the original code's checkpoints that only one family has.
SIGNS = {"sd3": "joint_blocks.", "sdxl": "label_emb.", "sd15": "input_blocks."}


def _family_by_names(path: Path) -> str:
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(path, framework="pt") as file:
            names = list(file.keys())
    except (SafetensorError, OSError) as error:
        raise ModelError(f"{path} cannot be read as safetensors: {error}") from error
    for family, sign in SIGNS.items():
        if any(sign in name for name in names):
            return family
    raise ModelError(f"{path} is no checkpoint of Stable Diffusion 1.5, XL or 3")


def _open_vae(folder: Path, dtype: str) -> Any:
    import torch
    from diffusers import AutoencoderKL

    try:
        return AutoencoderKL.from_pretrained(
            folder,
            torch_dtype=getattr(torch, dtype),
            local_files_only=True,
            use_safetensors=True,
            variant=stored_variant(folder.parent, {folder.name}),
        )
    except (OSError, ValueError, KeyError, RuntimeError, TypeError) as error:
        reason = " ".join(str(error).split())
        raise ModelError(f"--vae {folder} cannot be loaded: {reason}") from error
