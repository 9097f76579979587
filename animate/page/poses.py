"""The tab that shows what is found of a person's motion, before anything is made of it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import gradio as gr

from animate.commands import options
from animate.config import LOOKS, Settings
from animate.page.form import Form, given, whole
from animate.page.panel import Panel, Update
from animate.page.runs import Work
from animate.page.site import Site
from animate.progress import Progress, Report

ENDINGS = ("_pose.mp4", "_overlay.mp4", "_pose.npz")


@dataclass(frozen=True, kw_only=True)
class Made:
    """The files that a run has made."""

    skeletons: Path
    overlay: Path
    keypoints: Path


def tab(site: Site) -> None:
    """Build the tab into the page."""
    form = Form()
    with gr.Row():
        with gr.Column(scale=2):
            driving = gr.Video(
                label="Video", sources=["upload", "webcam"], height=320, elem_id="poses-driving"
            )
            with gr.Row():
                form.add("frames", gr.Textbox(label="Frames, at most", placeholder="all"), whole)
                form.add(
                    "person",
                    gr.Textbox(label="Whose motion", placeholder="largest, all, 2, or 320,480"),
                    options.person,
                )
                form.add("smooth", gr.Slider(0, 1, value=0.3, step=0.05, label="Calm the motion"))
            look = gr.Dropdown(list(LOOKS), value="official", label="How skeletons are drawn")
            panel = Panel(site, "poses", "Find the poses")
        with gr.Column(scale=3):
            with gr.Row():
                overlay = gr.Video(
                    label="Over the film", interactive=False, height=480, elem_id="poses-overlay"
                )
                skeletons = gr.Video(label="Skeletons", interactive=False, height=480)
            files = gr.File(label="Files", interactive=False)
    results = [overlay, skeletons, files]

    def show(made: Made) -> Update:
        paths = [site.shown(one) for one in (made.overlay, made.skeletons, made.keypoints)]
        return {overlay: paths[0], skeletons: paths[1], files: paths}

    def begin(request: gr.Request, film: str | None, drawn: str, *values: Any) -> Iterator[Update]:
        def work() -> Work[Made]:
            asked = replace(site.offer.standard, **form.read(values))
            return partial(make, site, given(film, "a video"), drawn, asked)

        yield from panel.follow(request, work, show, results)

    panel.connect(begin, [driving, look, *form.components], results)


def make(
    site: Site, film: Path, look: str, asked: Settings, progress: Progress, report: Report
) -> Made:
    """Track a film and write what was found. Raises AnimateError and pose.PoseError."""
    from animate.poses import save_overlay, save_poses, save_skeletons, track_video
    from pose.report import preflight

    with site.shelf.place([film.stem], ENDINGS) as (skeletons, overlay, keypoints):
        source, poses = track_video(film, asked, progress=progress)
        assert source.film is not None
        for slot in range(poses.people):
            for line in preflight(poses, slot).lines():
                report(line)
        try:
            save_skeletons(skeletons, poses, look=look, progress=progress)
            save_overlay(overlay, poses, source.film, progress=progress)
            save_poses(keypoints, poses)
        except BaseException:  # all or nothing: what is there would take the name
            for path in (skeletons, overlay, keypoints):
                path.unlink(missing_ok=True)
            raise
    return Made(skeletons=skeletons, overlay=overlay, keypoints=keypoints)
