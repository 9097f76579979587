"""Serve a page on which all this can be done in a browser."""

from __future__ import annotations

import argparse
import contextlib
import os
from pathlib import Path

from animate.commands import options
from animate.config import ATTENTIONS, DEVICES, DTYPES, OFFLOADS, Settings
from animate.errors import UsageError
from animate.page.serve import Serving, serve

PASSWORD = "ANIMATE_PAGE_AUTH"  # environment variable


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options of `animate page`."""
    parser.usage = "animate page [--port N] [--results FOLDER] [options]"
    add = parser.add_argument
    add("--host", default="127.0.0.1", help="address to serve at (127.0.0.1: this machine only)")
    add("--port", type=int, metavar="N", help="port (default: the first free one from 7860 on)")
    add("--open", action="store_true", help="open it in the browser")
    add("--results", type=Path, metavar="FOLDER", default=Path("results"), help="where results go")
    add(
        "--auth",
        type=_auth,
        metavar="USER:PASSWORD",
        help=f"let in only who knows these (or the environment's {PASSWORD}, which is not listed "
        "among the processes)",
    )
    add("--upload", type=int, metavar="MB", default=2000, help="largest file to be sent (2000)")
    group = parser.add_argument_group("what is offered")
    group.add_argument(
        "--model",
        action="append",
        metavar="NAME",
        help="a model for films, the first is preset; folders are offered only if named here",
    )
    group.add_argument(
        "--still-model", action="append", metavar="NAME", help="a model for pictures, likewise"
    )
    machine = parser.add_argument_group("machine, for all runs")
    machine.add_argument("--device", choices=DEVICES, default="auto")
    machine.add_argument("--dtype", choices=DTYPES, default="auto")
    machine.add_argument("--attention", choices=ATTENTIONS, default="auto")
    machine.add_argument("--offload", choices=OFFLOADS, default="auto")
    machine.add_argument("--pose-backend", metavar="NAME", default="auto")


def _auth(text: str) -> tuple[str, str]:
    user, colon, password = text.partition(":")
    if not (user and colon and password):
        raise argparse.ArgumentTypeError("expected USER:PASSWORD")
    return user, password


def run(arguments: argparse.Namespace) -> None:
    """Serve until Ctrl-C."""
    auth = arguments.auth
    if auth is None and os.environ.get(PASSWORD):
        try:
            auth = _auth(os.environ[PASSWORD])
        except argparse.ArgumentTypeError as error:
            raise UsageError(f"{PASSWORD}: {error}") from error
    asked = Serving(
        host=arguments.host,
        port=arguments.port,
        auth=auth,
        upload=arguments.upload,
        results=arguments.results,
        browser=arguments.open,
        models=tuple(arguments.model or ()),
        still_models=tuple(arguments.still_model or ()),
        standard=Settings(
            device=arguments.device,
            dtype=arguments.dtype,
            attention=arguments.attention,
            offload=arguments.offload,
            pose_backend=arguments.pose_backend,
        ),
    )
    with contextlib.suppress(KeyboardInterrupt):  # how a page is meant to end
        serve(asked, options.speaker(arguments))
