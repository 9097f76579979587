"""Pictures from users, as they were sent."""

from __future__ import annotations

from typing import Any

import gradio as gr


def picture_upload(label: str, **choices: Any) -> gr.Image:
    """An upload whose file reaches the work unread.

    gradio would open it first, and of one that is damaged tell nothing but "Error".
    """
    made = gr.Image(label=label, type="filepath", sources=["upload", "clipboard"], **choices)
    # Not by a subclass: gradio writes a stub file beside the code of each.
    made.preprocess = _path  # type: ignore[method-assign]
    return made


def _path(payload: Any) -> str | None:
    return None if payload is None else str(payload.path)
