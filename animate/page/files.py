"""The tabs that make another file of one: control maps, and larger pictures and films."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import gradio as gr

from animate.annotators.kinds import KINDS
from animate.config import LOOKS
from animate.page.form import OWN, Form, given, numeral, whole
from animate.page.panel import Panel, Update
from animate.page.runs import Work
from animate.page.site import Site
from animate.progress import Progress, Report

Make = Callable[[Site, Path, dict[str, Any], Progress, Report], Path]


def maps(site: Site) -> None:
    """Build the tab that makes control maps."""

    def fields(form: Form) -> None:
        with gr.Row():
            form.add("kind", gr.Dropdown(list(KINDS), value="canny", label="The map shows"))
            form.add("look", gr.Dropdown(list(LOOKS), value="openpose", label="Skeletons' look"))

    _tab(site, "maps", "Make the map", fields, make_map)


def enlarge(site: Site) -> None:
    """Build the tab that makes pictures and films larger."""

    def fields(form: Form) -> None:
        with gr.Row():
            form.add("factor", gr.Slider(1.5, 4, value=4, step=0.5, label="Times as large"))
            form.add("seed", gr.Number(0, label="Seed", precision=0), whole)
        form.add("prompt", gr.Textbox(label="What it shows", placeholder="may stay empty"))
        with gr.Row():
            form.add("detail", gr.Textbox(label="Added detail, times", placeholder=OWN), numeral)
            form.add("steps", gr.Textbox(label="Steps", placeholder=OWN), whole)

    _tab(site, "enlarge", "Enlarge", fields, make_large)


def _tab(site: Site, name: str, verb: str, fields: Callable[[Form], None], make: Make) -> None:
    """A tab with a file, the fields, and the file that is made of it."""
    form = Form()
    with gr.Row():
        with gr.Column(scale=2):
            source = gr.File(
                label="A picture or a film", file_types=["image", "video"], height=160,
                elem_id=f"{name}-source",
            )  # fmt: skip
            fields(form)
            panel = Panel(site, name, verb)
        with gr.Column(scale=3):
            picture = gr.Image(
                label="Result", interactive=False, format="png", type="filepath", height=480,
                elem_id=f"{name}-picture",
            )  # fmt: skip
            film = gr.Video(label="Result", interactive=False, visible=False, height=480)
            file = gr.File(label="File", interactive=False)
    results = [picture, film, file]

    def show(made: Path) -> Update:
        moves, path = made.suffix == ".mp4", site.shown(made)
        return {
            picture: gr.Image(None if moves else path, visible=not moves),
            film: gr.Video(path if moves else None, visible=moves),
            file: path,
        }

    def begin(request: gr.Request, given_file: str | None, *values: Any) -> Iterator[Update]:
        def work() -> Work[Path]:
            return partial(make, site, given(given_file, "a picture or a film"), form.read(values))

        yield from panel.follow(request, work, show, results)

    panel.connect(begin, [source, *form.components], results)


def make_map(
    site: Site, source: Path, asked: dict[str, Any], progress: Progress, report: Report
) -> Path:
    """Make the control map of a picture or film. Raises AnimateError and pose.PoseError."""
    from animate.annotators.files import annotate_film, annotate_picture
    from animate.annotators.settings import MapSettings
    from animate.files import is_film

    usual = site.offer.standard
    kind, film = asked["kind"], is_film(source)
    settings = MapSettings(look=asked["look"], device=usual.device, pose_backend=usual.pose_backend)
    with site.shelf.place([source.stem, kind], [".mp4" if film else ".png"]) as (output,):
        if film:
            method, frames = annotate_film(
                source, output, kind, settings=settings, reading=usual, progress=progress
            )
            report(f"{kind} by {method}, {frames} frames")
        else:
            progress("annotate", 0, 1)
            made = annotate_picture(source, output, kind, settings=settings)
            report(f"{kind} by {made.method}, {made.picture.shape[1]}x{made.picture.shape[0]}")
    return output


def make_large(
    site: Site, source: Path, asked: dict[str, Any], progress: Progress, report: Report
) -> Path:
    """Enlarge a picture or film. Raises AnimateError, pose.PoseError or temporal.TemporalError."""
    from animate.enlarge import upscale
    from animate.enlarge_film import upscale_film
    from animate.enlarge_settings import UpscaleSettings
    from animate.files import is_film
    from animate.still_files import write_picture
    from animate.still_settings import StillSettings

    usual, film = site.offer.standard, is_film(source)
    settings = replace(UpscaleSettings(device=usual.device, dtype=usual.dtype), **asked)
    base = StillSettings(model=settings.model, device=settings.device, dtype=settings.dtype)
    progress("load", 0, 1)
    told = {"loaded": site.still_model(base), "progress": progress, "report": report}
    with site.shelf.place([source.stem, "large"], [".mp4" if film else ".png"]) as (output,):
        if film:
            upscale_film(source, output, **told, **vars(settings))  # type: ignore[arg-type]
        else:
            write_picture(output, upscale(source, **told, **vars(settings)))  # type: ignore[arg-type]
    return output
