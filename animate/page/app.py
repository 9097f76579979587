"""The page as gradio's Blocks: a title, and a tab for each thing that can be done."""

from __future__ import annotations

import gradio as gr

from animate import __version__
from animate.page import files, judge, poses, stills, video
from animate.page.site import Site

TITLE = "Animate"
HEADING = """
# Animate
Make a still character move like the person in a video.
"""
TABS = {
    "Video": video.tab,
    "Picture": stills.tab,
    "Poses": poses.tab,
    "Control maps": files.maps,
    "Enlarge": files.enlarge,
    "Judge": judge.tab,
}
CSS = """
.run { display: flex; flex-direction: column; gap: .4em; padding: .5em 0; }
.run progress { width: 100%; height: .6em; border: 0; border-radius: .3em; overflow: hidden;
                appearance: none; background: var(--neutral-200); }
.run progress::-webkit-progress-bar { background: var(--neutral-200); }
.run progress::-webkit-progress-value { background: var(--primary-500); }
.run progress::-moz-progress-bar { background: var(--primary-500); }
.run.wrong { color: var(--error-text-color, #b91c1c); font-weight: 600; }
.gradio-container main { width: 100%; max-width: 1500px; margin: auto; }
"""
# Uploads and shown results are removed after a day, looked at every hour.
CLEANING = (3600, 86400)


def build(site: Site) -> gr.Blocks:
    """The page of a site; `theme` and `CSS` are for its launch."""
    page = gr.Blocks(title=TITLE, analytics_enabled=False, delete_cache=CLEANING, fill_width=True)
    with page:
        gr.Markdown(HEADING)
        for name, tab in TABS.items():
            with gr.Tab(name):
                tab(site)
        gr.Markdown(
            f"Results are kept in the folder `{site.shelf.folder.name}` - version {__version__}"
        )

        def leave(request: gr.Request) -> None:
            site.desk.stop(str(request.session_hash))

        page.unload(leave)
    return page


def theme() -> gr.Theme:
    """Only fonts that are on the user's machine: the page asks nobody else for anything."""
    chosen: gr.Theme = gr.themes.Soft(
        primary_hue="indigo",
        font=["system-ui", "sans-serif"],
        font_mono=["ui-monospace", "monospace"],
    )
    return chosen
