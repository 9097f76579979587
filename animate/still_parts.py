"""The parts that read control maps: where they lie, and how they are put into a base and out."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

from animate import mini
from animate.config import LOOKS
from animate.errors import ModelError, UsageError
from animate.progress import Report
from animate.still_models import StillModel
from animate.still_settings import ControlChoice, StillSettings

# The encoders that a family's files may hold, and that the authors trained for it.
VARIANTS = {"sd15": ("sd15_training", "sd15_legacy"), "sdxl": ("sdxl",), "sd3": ("sd3",)}
# Where a model's own folder keeps the parts for a kind of map, by method.
OWN = {"controlnext": "controls", "controlnet": "controlnets"}
ADAPTER = "of_this_call_{}"  # no name that a caller's own LoRA has
UNET_NAMES = ("unet", "unet_weight_increasements", "transformer")
# Words in names of checkpoints that tell the kind of map, the surer ones first.
WORDS = {
    "canny": ("canny",),
    "depth": ("depth",),
    "mask": ("mask",),
    "segmentation": ("segm", "_seg", "-seg"),
    "softedge": ("softedge", "hed", "scribble"),
    "lines": ("mlsd", "hough", "lines"),
    "pose": ("pose", "deepfashion", "skeleton"),
}


@contextmanager
def prepared(
    model: StillModel,
    choices: Sequence[ControlChoice],
    settings: StillSettings,
    report: Report,
    *,
    method: str,
) -> Iterator[list[Any]]:
    """Inside, the base has what its controls bring along, and the LoRA weights; gives the parts.

    Afterwards the base's weights are what they were, bit for bit. Raises UsageError, ModelError,
    or temporal.CheckpointError for files that do not fit.
    """
    parts = []
    with ExitStack() as stack:
        for choice in choices:
            weights = (
                Path(choice.weights) if choice.weights else find_part(model, choice.kind, method)
            )
            if (told := kind_told(weights)) not in (None, choice.kind):
                report(
                    f"Warning: {weights} looks made for {told}, and is given {choice.kind}: the "
                    "picture may not follow it"
                )
            if method == "controlnet":
                parts.append(open_controlnet(model, weights, allow_pickle=settings.allow_pickle))
                continue
            parts.append(_open_encoder(model, weights, settings, report))
            unet = Path(choice.unet) if choice.unet else _unet_beside(weights)
            if unet is not None:
                stack.enter_context(_patched(model, unet, settings, report))
        _add_loras(model, settings.lora, stack)
        yield parts


def look_for(model: StillModel, choice: ControlChoice, asked: StillSettings) -> str:
    """How skeletons are drawn: as asked, else as the part's own settings say, else as usual."""
    if asked.look is not None:
        return asked.look
    if asked.method == "controlnet":
        return "openpose"
    part = Path(choice.weights) if choice.weights else own_part(model, choice.kind, asked.method)
    settings = (part or Path()) / "config.json"
    try:
        look = str(json.loads(settings.read_text())["control_look"])
    except (OSError, ValueError, KeyError, TypeError):  # the official files say nothing
        return "official"
    return look if look in LOOKS else "official"


def own_part(model: StillModel, kind: str, method: str) -> Path | None:
    """Where a model's own folder keeps the part for a kind of map; None if it has none.

    Raises ModelError for an embedded model without it: no released part fits one.
    """
    if model.folder is None:
        return None
    parts = model.folder / OWN[method]
    if (parts / kind).is_dir():
        return parts / kind
    if model.folder.parent == mini.FOLDER.parent:
        known = sorted(part.name for part in parts.glob("*")) if parts.is_dir() else []
        raise ModelError(
            f"{model.name} has no {method} for {kind}"
            + (f", only for {', '.join(known)}" if known else "")
            + "; give --weights PATH, or another --model"
        )
    return None


def find_part(model: StillModel, kind: str, method: str) -> Path:
    """Where the part for a kind of map lies: in the model's folder or the cache."""
    from animate import hub
    from animate.still_releases import PARTS

    own = own_part(model, kind, method)
    if own is not None:
        return own
    name = PARTS.get((model.family, method, kind))
    found = hub.locate(name) if name else None
    if found is not None:
        return found
    fetch = f"run `animate models fetch {name}` or " if name else ""
    raise ModelError(f"no {method} for {kind} of {model.name} is here: {fetch}give --weights PATH")


def kind_told(weights: Path) -> str | None:
    """The kind of map that a checkpoint's name tells; None if it tells none."""
    name = f"{weights.parent.name}/{weights.stem}".lower()
    return next((kind for kind, words in WORDS.items() if any(w in name for w in words)), None)


def open_controlnet(model: StillModel, weights: Path, *, allow_pickle: bool = False) -> Any:
    """A ControlNet of diffusers, from a folder or one file, for a base.

    Beside a file may lie the config.json that tells its structure. allow_pickle: also a folder's
    .bin file, of it only tensors. Raises ModelError, or temporal.CheckpointError for weights that
    cannot be read.
    """
    import diffusers
    import torch

    from animate.pipelines.image import denoiser_of

    number, denoiser = getattr(torch, model.dtype), denoiser_of(model.pipeline)
    three = model.family == "sd3"
    kind: Any = diffusers.SD3ControlNetModel if three else diffusers.ControlNetModel
    folder = weights if weights.is_dir() else weights.parent
    try:
        if (folder / "config.json").is_file():
            part = _from_folder(kind, weights, number, allow_pickle)
        elif weights.suffix != ".safetensors" or three:
            raise ModelError(
                f"{weights}: a ControlNet is a folder with config.json"
                + ("" if three else ", or a .safetensors file")
            )
        else:
            part = _from_single_file(kind, weights, denoiser, number)
    except (OSError, ValueError, KeyError, RuntimeError, TypeError) as error:
        reason = " ".join(str(error).split())[:300]
        raise ModelError(f"{weights} cannot be loaded as a ControlNet: {reason}") from error
    return part.to(model.device).eval()


def _from_folder(kind: Any, weights: Path, number: Any, allow_pickle: bool) -> Any:
    """A folder as diffusers writes it, or just that file of it."""
    from temporal.tensorfiles import read_tensors

    folder = weights if weights.is_dir() else weights.parent
    tensors = read_tensors(weights, allow_pickle=allow_pickle)
    part = kind.from_config(kind.load_config(folder, local_files_only=True))
    part.load_state_dict(tensors)
    return part.to(number)


def _from_single_file(kind: Any, weights: Path, denoiser: Any, number: Any) -> Any:
    """The original code's files bring no settings: those of the base's UNet are theirs."""
    import torch

    with torch.device("meta"):
        blank = kind.from_unet(denoiser, load_weights_from_unet=False)
    with tempfile.TemporaryDirectory() as folder:
        blank.save_config(folder)
        return kind.from_single_file(
            str(weights), config=folder, local_files_only=True, torch_dtype=number
        )


def _open_encoder(model: StillModel, weights: Path, settings: StillSettings, report: Report) -> Any:
    import torch

    from temporal.checkpoints import load_controlnext

    encoder: Any = load_controlnext(
        weights,
        variant=settings.variant,
        among=VARIANTS[model.family],
        allow_pickle=settings.allow_pickle,
        report=report,
    )
    return encoder.to(model.device, getattr(torch, model.dtype))


def _unet_beside(weights: Path) -> Path | None:
    """The weights of the base in the folder of an encoder, if there are any."""
    if not weights.is_dir():
        return None
    names = (weights / f"{stem}.safetensors" for stem in UNET_NAMES)
    return next((path for path in names if path.is_file()), None)


def _patched(model: StillModel, unet: Path, settings: StillSettings, report: Report) -> Any:
    """The base with other values for some of its weights; a context that undoes it."""
    from animate.pipelines.image import denoiser_of
    from temporal.checkpoints import read_unet
    from temporal.patch import Patch

    denoiser = denoiser_of(model.pipeline)
    tensors, increments = read_unet(
        unet,
        denoiser.state_dict(),
        increments=None if settings.unet_as == "auto" else settings.unet_as == "increments",
        allow_pickle=settings.allow_pickle,
    )
    patch = Patch(denoiser, tensors, increments=increments, source=unet)
    report(f"Base: {patch} from {unet.name}")
    return patch


def _add_loras(model: StillModel, files: Sequence[tuple[str, float]], stack: ExitStack) -> None:
    """Put LoRA weights in until the stack is left. Raises UsageError without peft, ModelError."""
    if not files:
        return
    from animate.pipelines.image import denoiser_of
    from animate.pipelines.lora import adapters_kept, refuse_pickle

    try:
        import peft  # noqa: F401
    except ImportError as error:
        raise UsageError("a LoRA needs peft: pip install 'animate-controlnext[lora]'") from error
    act = stack.enter_context(adapters_kept(model.pipeline))
    for number, (file, _) in enumerate(files):
        refuse_pickle(file)
        before = len(getattr(denoiser_of(model.pipeline), "peft_config", {}))
        try:
            model.pipeline.load_lora_weights(file, adapter_name=ADAPTER.format(number))
        except (OSError, RuntimeError, ValueError, KeyError) as error:
            reason = " ".join(str(error).split())[:300]
            raise ModelError(f"{file}: the LoRA weights do not fit: {reason}") from error
        if len(getattr(denoiser_of(model.pipeline), "peft_config", {})) == before:
            raise ModelError(f"{file} has no LoRA weights for a model of {model.family}")
    act({ADAPTER.format(number): scale for number, (_, scale) in enumerate(files)})
