"""Serve the page until it is interrupted."""

from __future__ import annotations

import ipaddress
import os
import shutil
import tempfile
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from animate.checks import check_count
from animate.config import MODELS, Settings
from animate.errors import AnimateError, UsageError, one_line
from animate.progress import Report
from animate.still_settings import STILL_MODELS

# Nothing is told to anybody, asked of anybody, or kept in users' browsers.
QUIET = {"GRADIO_ANALYTICS_ENABLED": "False", "HF_HUB_OFFLINE": "1"}
PORTS = range(7860, 7960)  # that gradio tries if none is asked for


@dataclass(frozen=True, kw_only=True)
class Serving:
    """Where and for whom. port: None for the first free one. auth: (user, password).

    upload: MB that one file may have.
    """

    host: str = "127.0.0.1"
    port: int | None = None
    auth: tuple[str, str] | None = None
    upload: int = 2000
    results: Path = Path("results")
    browser: bool = False
    models: tuple[str, ...] = ()
    still_models: tuple[str, ...] = ()
    standard: Settings = field(default_factory=Settings)

    def __post_init__(self) -> None:
        """Raise UsageError for what can never be served."""
        check_count("port", self.port, at_least=1, at_most=65535)
        check_count("upload", self.upload, at_least=1)
        for known, named in ((MODELS, self.models), (STILL_MODELS, self.still_models)):
            for model in named:
                if model not in known and not Path(model).exists():
                    raise UsageError(
                        f"no model {model}: name {', '.join(known)}, or a folder that exists"
                    )

    @property
    def is_local(self) -> bool:
        """Whether only this machine's own programs can reach the page."""
        try:
            return ipaddress.ip_address(self.host).is_loopback
        except ValueError:
            return self.host == "localhost"


def serve(asked: Serving, say: Report, wait: Callable[[], None] | None = None) -> None:
    """Serve until `wait` ends, by default for ever; then runs are stopped and clean up.

    Raises UsageError without gradio, AnimateError if the port is taken.
    """
    with _uploads() as uploads:
        try:
            import gradio  # noqa: F401 - to say what to do if it is not there
        except ImportError as error:
            raise UsageError(
                f"the page needs gradio ({one_line(error)}): pip install "
                "'animate-controlnext[page]'"
            ) from error
        from animate.page.app import CSS, build, theme
        from animate.page.shelf import Shelf
        from animate.page.site import Offer, Site

        offer = Offer(
            uploads=uploads,
            models=asked.models,
            still_models=asked.still_models,
            standard=asked.standard,
        )
        site = Site(offer=offer, shelf=Shelf(asked.results.resolve()))
        page = build(site)
        try:
            _, url, _ = page.launch(
                server_name=asked.host,
                server_port=asked.port,
                auth=asked.auth,
                max_file_size=asked.upload * 10**6,
                inbrowser=asked.browser,
                theme=theme(),
                css=CSS,
                share=False,
                quiet=True,
                prevent_thread_lock=True,
                ssr_mode=False,
                enable_monitoring=False,
                run_history=False,
                footer_links=[],
            )
        except OSError as error:
            raise AnimateError(
                f"{asked.host}: cannot serve on port {asked.port or f'{PORTS[0]} to {PORTS[-1]}'}: "
                f"{one_line(error)}; choose another with --port"
            ) from error
        say(f"Animate is at {url} - results go to {site.shelf.folder} - Ctrl-C ends it")
        if not asked.is_local and asked.auth is None:
            say("Warning: everybody who can reach this machine can use it; see --auth")
        try:
            (wait or _for_ever)()
        finally:
            site.desk.close()
            page.close(verbose=False)


@contextmanager
def _uploads() -> Iterator[Path]:
    """A folder of its own for what users send; gradio must know it before it is imported."""
    folder = Path(tempfile.mkdtemp(prefix="animate-page-")).resolve()
    before = {name: os.environ.get(name) for name in ("GRADIO_TEMP_DIR", *QUIET)}
    os.environ.update(GRADIO_TEMP_DIR=str(folder), **QUIET)
    try:
        yield folder
    finally:
        for name, value in before.items():
            os.environ.pop(name) if value is None else os.environ.update({name: value})
        shutil.rmtree(folder, ignore_errors=True)


def _for_ever() -> None:
    threading.Event().wait()
