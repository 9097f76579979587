"""The part of a tab that begins a run, shows how far it is, and stops it."""

from __future__ import annotations

import html
from collections.abc import Callable, Iterator
from typing import Any, TypeVar

import gradio as gr

from animate.page.runs import BEGUN, WAITING, Run, Sight, Stopped, Work
from animate.page.site import Site
from animate.progress import LABELS

Done = TypeVar("Done")
Update = dict[Any, Any]  # component -> its new value or state, as gradio takes it

BEFORE = {WAITING: "Waiting for another run to end", BEGUN: "Beginning"}
STOPPED = "Stopped. The same settings go on from what was done so far, where that can be."


class Panel:
    """Two buttons, a bar, and the lines that the run has to tell.

    tab: the run's name; verb: what the button says.
    """

    def __init__(self, site: Site, tab: str, verb: str) -> None:
        self.site, self.tab = site, tab
        with gr.Row():
            self.start = gr.Button(verb, variant="primary", elem_id=f"{tab}-start")
            self.halt = gr.Button("Stop", interactive=False, elem_id=f"{tab}-stop")
        self.bar = gr.HTML(bar("Ready."), elem_id=f"{tab}-bar")
        self.log = gr.Textbox(
            label="What was decided and found", lines=4, max_lines=14, interactive=False,
            buttons=["copy"], elem_id=f"{tab}-log",
        )  # fmt: skip

    @property
    def outputs(self) -> list[Any]:
        """The components that a run changes besides its results."""
        return [self.start, self.halt, self.bar, self.log]

    def connect(
        self, begin: Callable[..., Iterator[Update]], inputs: list[Any], results: list[Any]
    ) -> None:
        """Let the button call begin(*inputs, request), which empties the results and fills them."""
        self.start.click(
            begin,
            inputs,
            [*self.outputs, *results],
            show_progress="hidden",
            concurrency_limit=None,  # runs wait for each other at the desk, and say so
            api_visibility="private",  # programs have the Python API
        )
        self.halt.click(self._halt, None, None, queue=False, api_visibility="private")

    def follow(
        self,
        request: gr.Request,
        work: Callable[[], Work[Done]],
        show: Callable[[Done], Update],
        results: list[Any],
    ) -> Iterator[Update]:
        """Do a run, and give the page's changes as it goes on.

        work: prepares it, and raises what is wrong with the inputs; show: the results.
        """
        yield self._busy() | dict.fromkeys(results)
        try:
            with self.site.desk.run(_user(request), self.tab, work()) as run:
                for sight in run.watch():
                    yield {self.bar: sight_bar(sight), self.log: self._log(sight)}
                yield self._ended(run, show)
        except Stopped:  # the page is being closed
            yield self._idle(STOPPED)
        except Exception as error:
            yield self._idle(self.site.told(error), wrong=True)

    def _ended(self, run: Run[Done], show: Callable[[Done], Update]) -> Update:
        told = {self.log: self._log(run.sight())}
        try:
            made = run.result()
        except Stopped:
            return told | self._idle(STOPPED)
        except Exception as error:
            return told | self._idle(self.site.told(error), wrong=True)
        return told | self._idle("Done.") | show(made)

    def _log(self, sight: Sight) -> str:
        return self.site.plain("\n".join(sight.lines))

    def _halt(self, request: gr.Request) -> None:
        self.site.desk.stop(_user(request), self.tab)

    def _busy(self) -> Update:
        return {
            self.start: gr.Button(interactive=False),
            self.halt: gr.Button(interactive=True),
            self.bar: bar(BEFORE[BEGUN], 0.0),
            self.log: "",
        }

    def _idle(self, text: str, *, wrong: bool = False) -> Update:
        return {
            self.start: gr.Button(interactive=True),
            self.halt: gr.Button(interactive=False),
            self.bar: bar(text, wrong=wrong),
        }


def _user(request: gr.Request) -> str:
    return str(request.session_hash)


def sight_bar(sight: Sight) -> str:
    """A run at one moment, as HTML."""
    text = BEFORE.get(sight.stage) or LABELS.get(sight.stage, sight.stage)
    if sight.total > 1:
        text += f": {sight.done} of {sight.total}"
    if sight.left is not None and 0 < sight.done < sight.total:
        text += f", {span(sight.left)} left"
    return bar(text, sight.done / sight.total if sight.total else 0.0)


def span(seconds: float) -> str:
    """Seconds for people: 8 s, 3 min, 2 h 5 min."""
    if seconds < 60:
        return f"{seconds:.0f} s"
    minutes = round(seconds / 60)
    return f"{minutes} min" if minutes < 60 else f"{minutes // 60} h {minutes % 60} min"


def bar(text: str, share: float | None = None, *, wrong: bool = False) -> str:
    """A line about the run, with a bar filled to a share of it."""
    filled = "" if share is None else f'<progress value="{share:.3f}" max="1"></progress>'
    kind = "wrong" if wrong else "told"
    role = "alert" if wrong else "status"
    return f'<div class="run {kind}" role="{role}"><span>{html.escape(text)}</span>{filled}</div>'
