"""The tab that makes pictures under control of another, by ControlNeXt, ControlNet, or both."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import gradio as gr

from animate.annotators.kinds import KINDS
from animate.commands import options
from animate.page.form import OWN, Form, given, numeral, whole
from animate.page.panel import Panel, Update
from animate.page.runs import Work
from animate.page.site import Site
from animate.page.upload import picture_upload
from animate.progress import Progress, Report
from animate.still_settings import METHODS, StillSettings, still_settings

MOST = 4  # pictures in one run
EACH = ("control_scale", "start", "end")
AUTO = {"as it looks": None, "yes": True, "no, it is a map": False}


@dataclass(frozen=True, kw_only=True)
class Made:
    """Pictures with what they show, in the order in which they are to be seen."""

    shown: list[tuple[Path, str]]


def tab(site: Site) -> None:
    """Build the tab into the page."""
    form = Form()
    with gr.Row():
        with gr.Column(scale=2):
            control = picture_upload(
                "What controls: a photograph, or a finished map",
                height=320,
                elem_id="stills-control",
            )
            with gr.Row():
                form.add("kind", gr.Dropdown(list(KINDS), value="pose", label="Its map shows"))
                form.add(
                    "annotate",
                    gr.Dropdown(list(AUTO), value="as it looks", label="Make a map of it"),
                    AUTO.__getitem__,
                )
            form.add("prompt", gr.Textbox(label="Prompt", lines=2, elem_id="stills-prompt"))
            form.add("negative", gr.Textbox(label="Not to be seen"))
            _usual(site, form)
            with gr.Accordion("More settings", open=False):
                _more(form)
                both = gr.Checkbox(False, label="The other method beside it")
                loras = gr.File(
                    label="LoRA weights", file_types=[".safetensors"], file_count="multiple",
                    height=110,
                )  # fmt: skip
                strength = gr.Slider(0, 2, value=1, step=0.05, label="Strength of the LoRA")
            panel = Panel(site, "picture", "Make pictures")
        with gr.Column(scale=3):
            gallery = gr.Gallery(
                label="Map and pictures", columns=2, object_fit="contain", height=560,
                interactive=False, format="png", elem_id="stills-gallery",
            )  # fmt: skip
            files = gr.File(label="Files", interactive=False)
    results = [gallery, files]

    def show(made: Made) -> Update:
        seen = [(site.shown(path), text) for path, text in made.shown]
        return {gallery: seen, files: [path for path, _ in seen]}

    def begin(
        request: gr.Request, picture: str | None, beside: bool, weights: list[str] | None,
        scale: float, *values: Any,
    ) -> Iterator[Update]:  # fmt: skip
        def work() -> Work[Made]:
            source = given(picture, "a picture or map that controls")
            usual = site.offer.standard
            asked = {
                "lora": tuple((file, scale) for file in weights or ()),
                "device": usual.device,
                "dtype": usual.dtype,
                **form.read(values),
            }
            return partial(make, site, source, asked, beside)

        yield from panel.follow(request, work, show, results)

    panel.connect(begin, [control, both, loras, strength, *form.components], results)


def make(
    site: Site, source: Path, asked: dict[str, Any], both: bool, progress: Progress, report: Report
) -> Made:
    """Make the pictures and write them. Raises AnimateError, pose.PoseError, TemporalError."""
    from animate.still_files import write_picture
    from animate.stills import control_image

    each = {name: asked.pop(name) for name in EACH if name in asked}
    kind = asked.pop("kind")
    settings = still_settings(asked)
    progress("load", 0, 1)
    made = control_image(
        source,
        kind=kind,
        compare=both,
        loaded=site.still_model(settings),
        progress=progress,
        report=report,
        **each,
        **vars(settings),
    )
    pictures = [(made.maps[0], f"{kind}, the map")]
    pictures += [(one, settings.method) for one in made.images]
    pictures += [(one, _other(settings)) for one in made.other]
    endings = ["_control.png", *(f"_{number}.png" for number in range(1, len(pictures)))]
    with site.shelf.place([source.stem, kind], endings) as paths:
        for path, (picture, _) in zip(paths, pictures, strict=True):
            write_picture(path, picture)
    shown = zip(paths, (text for _, text in pictures), strict=True)
    return Made(shown=list(shown))


def _other(settings: StillSettings) -> str:
    return next(method for method in METHODS if method != settings.method)


def _usual(site: Site, form: Form) -> None:
    """The settings that most runs choose."""
    choices = site.offer.still_choices
    with gr.Row():
        form.add("model", gr.Dropdown(choices, value=choices[0], label="Model"))
        form.add("method", gr.Dropdown(list(METHODS), value=METHODS[0], label="Method"))
    with gr.Row():
        form.add(
            "control_scale", gr.Slider(0, 2, value=1, step=0.05, label="Strength of the control")
        )
        form.add("count", gr.Slider(1, MOST, value=1, step=1, label="Pictures"), whole)
        form.add("seed", gr.Number(0, label="Seed", precision=0), whole)


def _more(form: Form) -> None:
    with gr.Row():
        form.add("steps", gr.Textbox(label="Steps", placeholder=OWN), whole)
        form.add("guidance", gr.Textbox(label="Guidance", placeholder=OWN), numeral)
        form.add("size", gr.Textbox(label="Size", placeholder="the control's shape"), options.size)
    with gr.Row():
        form.add("start", gr.Slider(0, 1, value=0, step=0.05, label="Control from this share"))
        form.add("end", gr.Slider(0, 1, value=1, step=0.05, label="until this share of the steps"))
