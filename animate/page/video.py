"""The tab that makes the character in a picture move like the person in a film."""

from __future__ import annotations

import contextlib
import hashlib
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import gradio as gr

from animate.commands import options
from animate.config import ALIGNMENTS, SCHEDULERS, WINDOWS, Settings
from animate.journal import journal_path
from animate.page.command import command_line
from animate.page.form import OWN, Form, given, numeral, whole
from animate.page.panel import Panel, Update
from animate.page.runs import Stopped, Work
from animate.page.site import SAMPLES, Site
from animate.page.upload import picture_upload
from animate.progress import Progress, Report

ENDINGS = (".mp4", "_compare.mp4", ".npz", ".eval.json")


@dataclass(frozen=True, kw_only=True)
class Asked:
    """What a run was asked for."""

    driving: Path
    ref: Path
    settings: Settings
    audio: bool
    judged: bool


@dataclass(frozen=True, kw_only=True)
class Made:
    """What a run has made; files: all of it, on the shelf."""

    video: Path
    comparison: Path
    files: list[Path]
    command: str


def tab(site: Site) -> None:
    """Build the tab into the page."""
    form = Form()
    with gr.Row():
        with gr.Column(scale=3):
            with gr.Row(equal_height=True):
                driving = gr.Video(
                    label="Motion: a video", sources=["upload", "webcam"], height=360,
                    elem_id="video-driving",
                )  # fmt: skip
                ref = picture_upload("Character: a picture", height=360, elem_id="video-ref")
            _usual(site, form)
            with gr.Accordion("More settings", open=False):
                keypoints = gr.File(
                    label="Keypoints in place of the video (npz, as the Poses tab gives them)",
                    file_types=[".npz", ".json"], height=110,
                )  # fmt: skip
                _motion(form)
                _sampling(form)
                audio = gr.Checkbox(True, label="Keep the sound")
                judged = gr.Checkbox(True, label="Judge the result")
            panel = Panel(site, "animate", "Animate")
            if (SAMPLES / "dance.mp4").is_file():
                gr.Examples(
                    [[str(SAMPLES / "dance.mp4"), str(SAMPLES / "hero.png")]], [driving, ref],
                    label="Try it", elem_id="video-examples",
                )  # fmt: skip
        with gr.Column(scale=2):
            video = gr.Video(label="Result", interactive=False, height=420, elem_id="video-result")
            beside = gr.Video(label="Video, skeleton and result", interactive=False, height=260)
            files = gr.File(label="Files", interactive=False, elem_id="video-files")
            command = gr.Code(label="The same by command", language="shell", interactive=False)
    results = [video, beside, files, command]

    def show(made: Made) -> Update:
        return {
            video: site.shown(made.video),
            beside: site.shown(made.comparison),
            files: [site.shown(path) for path in made.files],
            command: made.command,
        }

    def begin(
        request: gr.Request, film: str | None, points: str | None, picture: str | None,
        sound: bool, judge: bool, *values: Any,
    ) -> Iterator[Update]:  # fmt: skip
        def work() -> Work[Made]:
            asked = Asked(
                driving=given(points or film, "a driving video"),
                ref=given(picture, "a picture of the character"),
                settings=replace(site.offer.standard, **form.read(values)),
                audio=sound,
                judged=judge,
            )
            return partial(make, site, asked)

        yield from panel.follow(request, work, show, results)

    panel.connect(begin, [driving, keypoints, ref, audio, judged, *form.components], results)


def make(site: Site, asked: Asked, progress: Progress, report: Report) -> Made:
    """Animate, write all files, judge. Raises AnimateError, pose.PoseError, TemporalError."""
    from animate.api import animate
    from animate.judge.telling import tell_figures
    from animate.poses import save_poses

    names = (asked.driving.stem, asked.ref.stem)
    with site.shelf.place(names, ENDINGS) as (video, comparison, keypoints, figures):
        result = animate(
            asked.driving,
            asked.ref,
            progress=progress,
            report=report,
            journal=_journal(video, asked),
            load=site.film_model,
            **vars(asked.settings),
        )
        # First, so that a run that is stopped before has left nothing, and can go on.
        result.save(video, audio=asked.audio, comparison=comparison, progress=progress)
        files = [video, comparison]
        if result.poses is not None:
            save_poses(keypoints, result.poses)
            files.append(keypoints)
        with contextlib.suppress(Stopped):  # the judge: the video is there all the same
            if asked.judged and tell_figures(result, asked.ref, video, figures, report, progress):
                files.append(figures)
    words = ([] if asked.audio else ["--no-audio"]) + ([] if asked.judged else ["--no-eval"])
    line = command_line(asked.driving.name, asked.ref.name, asked.settings, words)
    return Made(video=video, comparison=comparison, files=files, command=line)


def _journal(video: Path, asked: Asked) -> Path:
    """The run's notes: files of other people may have the same names, so by their content."""
    from animate.fingerprint import file_print

    content = f"{file_print(asked.driving)} {file_print(asked.ref)}"
    mark = hashlib.sha256(content.encode()).hexdigest()[:8]
    return journal_path(video.with_name(f"{video.stem}.{mark}{video.suffix}"))


def _usual(site: Site, form: Form) -> None:
    """The settings that most runs choose."""
    choices = site.offer.choices
    with gr.Row():
        form.add("model", gr.Dropdown(choices, value=choices[0], label="Model"))
        form.add("frames", gr.Textbox(label="Frames, at most", placeholder="all"), whole)
        form.add("seed", gr.Number(site.offer.standard.seed, label="Seed", precision=0), whole)
    with gr.Row():
        form.add(
            "control_scale",
            gr.Slider(0, 2, value=1, step=0.05, label="Strength of control"),
        )
        form.add("size", gr.Textbox(label="Size", placeholder="as the reference"), options.size)


def _motion(form: Form) -> None:
    with gr.Row():
        form.add("fps", gr.Textbox(label="Frames per second", placeholder="the video's"), numeral)
        form.add(
            "person",
            gr.Textbox(label="Whose motion", placeholder="largest, all, 2, or 320,480"),
            options.person,
        )
        form.add("smooth", gr.Slider(0, 1, value=0.3, step=0.05, label="Calm the motion"))
        form.add(
            "align",
            gr.Dropdown(list(ALIGNMENTS), value="fit", label="Poses", info="fit to the reference"),
        )


def _sampling(form: Form) -> None:
    with gr.Row():
        form.add("steps", gr.Textbox(label="Steps", placeholder=OWN), whole)
        form.add(
            "guidance",
            gr.Textbox(label="Guidance", placeholder=f"{OWN}; 3, or 1:3"),
            options.guidance,
        )
        form.add(
            "scheduler",
            gr.Dropdown(list(SCHEDULERS), value="model", label="Scheduler", info="lcm: 4 steps"),
        )
    with gr.Row():
        form.add("window", gr.Textbox(label="Window", placeholder=OWN), whole)
        form.add("overlap", gr.Textbox(label="Overlap", placeholder=OWN), whole)
        form.add("windows", gr.Dropdown(list(WINDOWS), value=None, label="Windows", info=OWN))
        form.add(
            "step_cache",
            gr.Number(0, label="Step cache", info="0 off, 0.1 little", minimum=0),
        )
