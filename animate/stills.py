"""Make pictures that follow control maps and a prompt: `animate.control_image`."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from animate.errors import UsageError
from animate.progress import Progress, Report, ignore, unheard
from animate.still_files import numbered, write_picture
from animate.still_settings import (
    METHODS,
    ControlChoice,
    StillSettings,
    control_choices,
    still_settings,
)

if TYPE_CHECKING:
    from animate.still_models import StillModel

Frame = NDArray[np.uint8]  # (H, W, 3) RGB


@dataclass(frozen=True, kw_only=True, eq=False)
class Stills:
    """Pictures (H, W, 3) uint8, and the maps that they follow; other: those of the other method."""

    images: list[Frame]
    maps: list[Frame]
    other: list[Frame]
    settings: StillSettings

    def save(self, path: str | os.PathLike[str], *, overwrite: bool = True) -> list[Path]:
        """Write the pictures, with a number before the ending if there are several.

        With the other method's: maps, this method's and the other's picture side by side.
        Raises UsageError or OutputError.
        """
        written = numbered(Path(path), len(self.images))
        for number, target in enumerate(written):
            beside = [*self.maps, self.images[number], *self.other[number : number + 1]]
            write_picture(
                target,
                np.concatenate(beside, axis=1) if self.other else self.images[number],
                overwrite=overwrite,
            )
        return written


def control_image(
    control: Any,
    *,
    kind: str | Sequence[str] | None = None,
    control_scale: float | Sequence[float] = 1.0,
    start: float | Sequence[float] = 0.0,
    end: float | Sequence[float] = 1.0,
    weights: str | Sequence[str] | None = None,
    unet: str | Sequence[str] | None = None,
    other_weights: str | Sequence[str] | None = None,
    compare: bool = False,
    loaded: StillModel | None = None,
    progress: Progress | None = None,
    report: Report | None = None,
    **settings: Any,
) -> Stills:
    """Make pictures that follow a map, or several, and a prompt.

    control: a path, a PIL picture or an array, or a list of them; kind: what their maps show, see
    animate.annotators.KINDS: photographs become such maps first. control_scale: strength; start,
    end: between which shares of the steps; weights: the part that reads the map, a file or
    folder, else that of the model's folder or of the cache; unet: weights of the base that belong
    to it. Each of these once for all controls, or once for each. compare: also by the other
    method, whose parts are other_weights. loaded: a model kept from animate.still_models instead of
    loading one; it is left as it was. settings: see animate.still_settings.StillSettings.
    progress(stage, done, total); report(line) gets what was decided.
    Raises AnimateError, pose.PoseError or temporal.TemporalError.
    """
    listed = list(control) if isinstance(control, (list, tuple)) else [control]
    each = {"kind": kind, "control_scale": control_scale, "start": start, "end": end}
    asked = still_settings(settings)
    chosen = control_choices(listed, **each, weights=weights, unet=unet)
    others = control_choices(listed, **each, weights=other_weights) if compare else []
    progress, report = progress or ignore, report or unheard
    from animate.still_models import load_still_model
    from animate.still_parts import look_for

    progress("load", 0, 1)
    model = loaded or load_still_model(asked)
    progress("load", 1, 1)
    size = _size(chosen, asked, model, report)
    maps = [control_map(one, asked, size, report, look_for(model, one, asked)) for one in chosen]
    images = _run(model, chosen, maps, asked, asked.method, progress, report)
    other = next(method for method in METHODS if method != asked.method)
    return Stills(
        images=images,
        maps=maps,
        other=_run(model, others, maps, asked, other, progress, report) if compare else [],
        settings=asked,
    )


def control_map(
    choice: ControlChoice, asked: StillSettings, size: tuple[int, int], report: Report, look: str
) -> Frame:
    """The map (H, W, 3) of one control at a size (width, height), made of a photograph if it must.

    look: how skeletons are drawn. The one place where annotators are called.
    """
    from animate.annotators.control import given_map, read_picture
    from animate.annotators.registry import open_annotator
    from animate.annotators.settings import MapSettings
    from animate.framing import Framing

    if not asked.annotate:
        looked_at = asked.annotate is None
        ready = given_map(choice.picture, choice.kind, size=size, looked_at=looked_at)
        if ready is not None:
            if ready.turned:
                report(f"Control: the {choice.kind} map is black on white, and turned round")
            return ready.picture
    photo = read_picture(choice.picture)
    whole = (photo.shape[1], photo.shape[0])
    with open_annotator(choice.kind, asked.annotator, MapSettings(look=look)) as annotator:
        report(f"Control: the {choice.kind} map of a photograph, by {annotator.method}")
        return annotator(Framing(whole, size).picture(photo))


def _size(
    chosen: Sequence[ControlChoice], asked: StillSettings, model: StillModel, report: Report
) -> tuple[int, int]:
    """(width, height) of the result: as asked, else the first control's at the model's scale."""
    from animate.annotators.control import read_picture
    from animate.framing import round_to

    shape = read_picture(chosen[0].picture).shape
    scale = model.short_side / min(shape[:2])
    wanted = asked.size or (round(shape[1] * scale), round(shape[0] * scale))
    size = (round_to(wanted[0], model.multiple), round_to(wanted[1], model.multiple))
    if size != wanted:
        report(
            f"Size {wanted[0]}x{wanted[1]} rounded to {size[0]}x{size[1]}: the model works in "
            f"multiples of {model.multiple}"
        )
    return size


def _run(
    model: StillModel,
    chosen: Sequence[ControlChoice],
    maps: Sequence[Frame],
    asked: StillSettings,
    method: str,
    progress: Progress,
    report: Report,
) -> list[Frame]:
    """The pictures by one method."""
    from animate.pipelines.image import Control, steered
    from animate.still_parts import prepared

    with prepared(model, chosen, asked, report, method=method) as parts:
        controls = [
            Control(
                part=part,
                picture=its_map,
                scale=choice.control_scale,
                start=choice.start,
                end=choice.end,
            )
            for part, choice, its_map in zip(parts, chosen, maps, strict=True)
        ]
        for line in _describe(model, chosen, asked, method, maps[0]):
            report(line)
        with steered(model.pipeline, controls, guess=_guesses(model, asked, method)):
            images = _sample(model, asked, maps[0], progress)
    return images


def _guesses(model: StillModel, asked: StillSettings, method: str) -> bool:
    """Guess mode as asked, else as the model's own ControlNeXt parts work best."""
    if asked.guess is not None:
        return asked.guess
    return method == "controlnext" and bool(model.told("guess", 0.0))


def _sample(
    model: StillModel, asked: StillSettings, like: Frame, progress: Progress
) -> list[Frame]:
    """Call diffusers' pipeline once for each picture: memory does not grow with their number."""
    import torch

    steps, guidance = _steps(asked, model)
    images: list[Frame] = []
    for number in range(asked.count):

        def told(pipeline: Any, step: int, time: Any, kept: Any, number: int = number) -> Any:
            progress("denoise", number * steps + step + 1, asked.count * steps)
            return {}

        result = model.pipeline(
            asked.prompt,
            negative_prompt=asked.negative or None,
            height=like.shape[0],
            width=like.shape[1],
            num_inference_steps=steps,
            guidance_scale=guidance,
            generator=torch.Generator().manual_seed(asked.seed + number),
            callback_on_step_end=told,
            output_type="np",
        ).images[0]
        if not np.isfinite(result).all():
            raise UsageError(
                "the picture came out as no numbers: half precision is too little for this "
                "autoencoder; use --dtype float32 or --vae (sdxl-vae-fp16-fix)"
            )
        images.append(np.asarray((result * 255).round().clip(0, 255), dtype=np.uint8))
    return images


def _steps(asked: StillSettings, model: StillModel) -> tuple[int, float]:
    steps, guidance = model.defaults
    return asked.steps or steps, guidance if asked.guidance is None else asked.guidance


def _describe(
    model: StillModel,
    chosen: Sequence[ControlChoice],
    asked: StillSettings,
    method: str,
    like: Frame,
) -> Iterator[str]:
    steps, guidance = _steps(asked, model)
    yield (
        f"Model {model.name} ({model.family}) on {model.device} in {model.dtype}: "
        f"{like.shape[1]}x{like.shape[0]}, {steps} steps, guidance {guidance:g}, seed {asked.seed}"
    )
    for one in chosen:
        acts = "" if (one.start, one.end) == (0, 1) else f", from {one.start:g} to {one.end:g}"
        yield f"Control by {method}: {one.kind}, scale {one.control_scale:g}{acts}"
