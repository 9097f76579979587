"""Which files a model is put together from: found in the Hub's cache, or given by hand."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from animate import hub, mini
from animate.config import MODELS, Settings
from animate.errors import ModelError, UsageError

# A released UNet in a folder of released files, best first. Source: the official README files.
UNET_FILES = ("unet.safetensors", "unet_fp16.safetensors", "unet_weight_increasements.safetensors")
PICKLED_UNETS = ("unet.bin", "unet_fp16.bin", "unet_weight_increasements.bin")


@dataclass(frozen=True, kw_only=True)
class Parts:
    """The files of one model.

    base: a pipeline's folder in diffusers' layout, ours or Stable Video Diffusion's. control,
    unet: what replaces or completes its parts, None for its own.
    """

    base: Path
    control: Path | None = None
    unet: Path | None = None


@dataclass(frozen=True, kw_only=True)
class ModelChoice:
    """Which model, where it lies, and why it was taken."""

    name: str
    parts: Parts
    why: str


def choose_model(settings: Settings, device: str) -> ModelChoice:
    """Decide between the models by what is at hand; `settings.model` is auto, mini, svd, a folder.

    Parts given by hand replace the model's own; with auto they mean svd. Raises UsageError for an
    unknown name, ModelError for a model whose weights are not here.
    """
    asked = settings.model
    if settings.base and asked not in ("auto", "svd"):
        raise UsageError(f"--base is Stable Video Diffusion's folder; --model {asked} has its own")
    if settings.variant and asked != "svd" and not settings.controlnext:
        raise UsageError("--variant says what --controlnext is: give both, or --model svd")
    if settings.unet_as != "auto" and not settings.unet:
        raise UsageError("--unet-as says what --unet holds: give both")
    if asked == "svd":
        return ModelChoice(name="svd", parts=_need_svd(settings), why="as asked")
    if asked == "auto" and (settings.base or settings.controlnext or settings.unet):
        return ModelChoice(name="svd", parts=_need_svd(settings), why="for the parts given")
    if asked == "auto":
        return _choose_automatically(settings, device)
    if asked == "mini":
        return _choose_mini(settings, "as asked")
    folder = Path(asked)
    if not folder.is_dir():
        raise UsageError(
            f"--model {asked}: neither a model ({' | '.join(MODELS)}) nor an existing folder"
        )
    parts = _folder_parts(folder, settings)
    return ModelChoice(name=folder.resolve().name, parts=parts, why=f"folder {folder}")


def find_svd() -> Parts | None:
    """Stable Video Diffusion with ControlNeXt in the local cache, None unless both are whole."""
    base, control = hub.locate("svd-base"), hub.locate("svd-control")
    if base is None or control is None:
        return None
    return Parts(base=base, control=control, unet=_unet_beside(control))


def _need_svd(settings: Settings) -> Parts:
    """The parts given by hand, the rest from the cache."""
    base = Path(settings.base) if settings.base else hub.locate("svd-base")
    control = Path(settings.controlnext) if settings.controlnext else hub.locate("svd-control")
    absent = [name for name, path in (("svd-base", base), ("svd-control", control)) if not path]
    if base is None or control is None:
        raise ModelError(
            f"the weights of Stable Video Diffusion are not complete here: {' and '.join(absent)} "
            f"{'is' if len(absent) == 1 else 'are'} missing (`animate models list svd`); run "
            "`animate models fetch svd`, give them by hand (--base, --controlnext, --unet), or "
            "use --model mini"
        )
    if not (base / "model_index.json").is_file():
        raise ModelError(
            f"--base {base} is no model: expected Stable Video Diffusion's folder in diffusers' "
            "layout, with model_index.json, unet/, vae/ and image_encoder/"
        )
    unet = Path(settings.unet) if settings.unet else None
    if unet is None and control.is_dir():
        unet = _unet_beside(control, pickles=settings.allow_pickle)
    return Parts(base=base, control=control, unet=unet)


def _unet_beside(folder: Path, *, pickles: bool = False) -> Path | None:
    """The released UNet in the folder of a released encoder; official folders hold both."""
    names = (*UNET_FILES, *(PICKLED_UNETS if pickles else ()))
    return next((folder / name for name in names if (folder / name).is_file()), None)


def _choose_automatically(settings: Settings, device: str) -> ModelChoice:
    if device != "cuda":
        return _choose_mini(settings, "the embedded model, as there is no GPU to run a large one")
    parts = find_svd()
    if parts is None:
        why = "the embedded model, as no Stable Video Diffusion weights are here"
        return _choose_mini(settings, why)
    return ModelChoice(name="svd", parts=parts, why="its weights and a GPU are here")


def _choose_mini(settings: Settings, why: str) -> ModelChoice:
    if not mini.FOLDER.is_dir():
        raise ModelError(f"the embedded model is missing from {mini.FOLDER}: install again")
    return ModelChoice(name="mini", parts=_folder_parts(mini.FOLDER, settings), why=why)


def _folder_parts(folder: Path, settings: Settings) -> Parts:
    """A pipeline's folder of our own, and what replaces its parts."""
    own_control = (folder / "controlnext").is_dir() or settings.controlnext
    if not (folder / "model_index.json").is_file() or not own_control:
        raise ModelError(
            f"{folder} is no model: expected a pipeline's folder with model_index.json "
            "and controlnext/, as save_pretrained writes it"
        )
    if not settings.unet and not any(folder.glob("unet/*.safetensors")):
        raise ModelError(f"{folder}: no safetensors weights in unet/; other formats are refused")
    return Parts(
        base=folder,
        control=Path(settings.controlnext) if settings.controlnext else None,
        unet=Path(settings.unet) if settings.unet else None,
    )
