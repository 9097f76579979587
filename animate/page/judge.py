"""The tab that says how good a result is."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import gradio as gr

from animate.page.form import given
from animate.page.panel import Panel, Update
from animate.page.runs import Work
from animate.page.site import Site
from animate.page.upload import picture_upload
from animate.progress import Progress, Report

MEANING = (
    "The result is tracked again and compared with the driving video; the character with the "
    "reference. `docs/evaluate.md` says what the figures mean and what they cannot see."
)


def tab(site: Site) -> None:
    """Build the tab into the page."""
    gr.Markdown(MEANING)
    with gr.Row():
        result = gr.Video(label="Result", sources=["upload"], height=300, elem_id="judge-result")
        driving = gr.Video(
            label="Driving video", sources=["upload"], height=300, elem_id="judge-driving"
        )
        ref = picture_upload("Reference", height=300, elem_id="judge-ref")
    panel = Panel(site, "judge", "Judge")
    figures = gr.JSON(label="Figures", max_height=300, elem_id="judge-figures")

    def begin(
        request: gr.Request, made: str | None, film: str | None, picture: str | None
    ) -> Iterator[Update]:
        def work() -> Work[dict[str, Any]]:
            files = (
                given(made, "the result"),
                given(film, "the driving video"),
                given(picture, "the reference picture"),
            )
            return partial(judge, site, *files)

        yield from panel.follow(request, work, lambda found: {figures: found}, [figures])

    panel.connect(begin, [result, driving, ref], [figures])


def judge(
    site: Site, result: Path, driving: Path, ref: Path, progress: Progress, report: Report
) -> dict[str, Any]:
    """The judge's figures, which are told in words as well. Raises AnimateError, PoseError."""
    from animate.judge import evaluate

    found = evaluate(result, driving, ref, progress=progress, **vars(site.offer.standard))
    for line in found.lines():
        report(line)
    return found.to_dict()
