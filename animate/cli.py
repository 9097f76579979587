"""The command: which subcommand, and how its end is told. Heavy imports wait for the work."""

from __future__ import annotations

import argparse
import importlib
import os
import signal
import sys
import threading
import traceback
from collections.abc import Callable, Sequence
from types import FrameType
from typing import NoReturn

from animate import __version__
from animate.errors import AnimateError, one_line

# Subcommand -> module of animate.commands with HELP, add_arguments(parser) and run(arguments).
# The plain form `animate VIDEO --ref IMAGE` is the one without a name.
PLAIN = "video"
SUBCOMMANDS = {
    "pose": "write a video's skeletons and keypoints",
    "eval": "judge a result: motion, character, steadiness",
    "image": "make pictures that follow control maps and a prompt",
    "upscale": "make a picture larger, up to four times",
    "annotate": "make control maps of pictures and videos: edges, depth, masks, skeletons",
    "models": "list model files, fetch them, tell where they lie",
    "batch": "make many videos from a list of jobs, on one machine or many",
    "prepare": "make a data set for training from films and photographs",
    "train": "train one's own control, character or model on a data set",
    "convert": "turn official checkpoints into ours, and back",
    "page": "all this in a browser",
}

EXIT_FAILURE = 1
EXIT_USAGE = 2
EXIT_INTERRUPTED = 128 + signal.SIGINT
EXIT_TERMINATED = 128 + signal.SIGTERM

# Must be set before the libraries load: their start-up chatter is no news to the user, and memory
# in large pages goes back to the system at no cost (animate.devices).
LIBRARIES = {
    "GLOG_minloglevel": "3",
    "TF_CPP_MIN_LOG_LEVEL": "3",
    "TRANSFORMERS_VERBOSITY": "error",
    "DIFFUSERS_VERBOSITY": "error",
    "HF_HUB_DISABLE_TELEMETRY": "1",
    "THP_MEM_ALLOC_ENABLE": "1",
}


class Parser(argparse.ArgumentParser):
    """Reports wrong arguments in one line."""

    def error(self, message: str) -> NoReturn:
        """Print the complaint and where help is, and exit with the usage code."""
        self.exit(EXIT_USAGE, f"{self.prog}: {message} (see {self.prog} --help)\n")


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command and return its exit code: 0, 1 failure, 2 usage, 130 interrupted."""
    words = list(sys.argv[1:] if argv is None else argv)
    name = words.pop(0) if words and words[0] in SUBCOMMANDS else PLAIN
    command = importlib.import_module(f"animate.commands.{name}")
    parser = _build_parser(name)
    command.add_arguments(parser)
    try:
        arguments = parser.parse_args(words)
    except SystemExit as stop:
        return int(stop.code or 0)
    for key, value in LIBRARIES.items():
        os.environ.setdefault(key, value)
    return _guard(
        lambda: command.run(arguments),
        prog=parser.prog,
        debug=arguments.debug,
        resumable=lambda: hasattr(command, "resumable") and command.resumable(arguments),
    )


def _build_parser(name: str) -> argparse.ArgumentParser:
    plain = name == PLAIN
    others = "\n".join(f"  animate {word:<8} {text}" for word, text in SUBCOMMANDS.items())
    parser = Parser(
        prog="animate" if plain else f"animate {name}",
        description=importlib.import_module(f"animate.commands.{name}").__doc__,
        epilog=f"other commands:\n{others}" if plain else None,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--version", action="version", version=f"animate {__version__}")
    parser.add_argument("--debug", action="store_true", help="show tracebacks")
    parser.add_argument("--quiet", action="store_true", help="print errors only")
    return parser


def _guard(
    work: Callable[[], None], *, prog: str, debug: bool, resumable: Callable[[], bool] = bool
) -> int:
    """Turn the ways in which work can end into exit codes and one line each."""
    with _Signals() as signals:
        try:
            work()
        except KeyboardInterrupt:
            return _interrupted(prog, resumable())
        except SystemExit as stop:
            return int(stop.code or 0)
        except Exception as error:
            if debug:
                traceback.print_exc()
            if signals.interrupted:  # libraries may turn an interrupt into an error of their own
                return _interrupted(prog, resumable())
            return _failed(error, prog, debug)
    return 0


class _Signals:
    """Inside, SIGTERM leaves through every `with` and `finally` as Ctrl-C does, which is noted."""

    def __init__(self) -> None:
        self.interrupted = False
        self._previous: dict[signal.Signals, signal._HANDLER] = {}

    def __enter__(self) -> _Signals:
        if threading.current_thread() is not threading.main_thread():
            return self  # signals belong to the host program
        self._previous[signal.SIGTERM] = signal.signal(signal.SIGTERM, self._terminate)
        if signal.getsignal(signal.SIGINT) is signal.default_int_handler:  # else it is ignored
            self._previous[signal.SIGINT] = signal.signal(signal.SIGINT, self._interrupt)
        return self

    def __exit__(self, *_: object) -> None:
        for number, handler in self._previous.items():
            signal.signal(number, handler)

    def _interrupt(self, number: int, frame: FrameType | None) -> None:
        self.interrupted = True
        raise KeyboardInterrupt

    def _terminate(self, number: int, frame: FrameType | None) -> None:
        raise SystemExit(EXIT_TERMINATED)


def _interrupted(prog: str, resumable: bool) -> int:
    # CPython keeps a note of an interrupt inside an exec() of source text, as dataclasses and
    # lazy imports use it, and would kill itself at exit instead of returning our code; the next
    # exec() clears the note.
    exec("")
    advice = "; run the same command to go on" if resumable else ""
    return _complain(f"{prog}: interrupted, no partial output is left{advice}", EXIT_INTERRUPTED)


def _failed(error: Exception, prog: str, debug: bool) -> int:
    if isinstance(error, _expected_errors()):
        return _complain(f"{prog}: {one_line(error)}", getattr(error, "exit_code", EXIT_FAILURE))
    text = f"{prog}: unexpected {type(error).__name__}: {one_line(error)}"
    return _complain(text if debug else f"{text} (--debug shows where)", EXIT_FAILURE)


def _expected_errors() -> tuple[type[Exception], ...]:
    """The packages' own roots, as far as those packages were loaded at all."""
    roots: list[type[Exception]] = [AnimateError, OSError, MemoryError]
    for module, root in (("pose.errors", "PoseError"), ("temporal.errors", "TemporalError")):
        if module in sys.modules:
            roots.append(getattr(sys.modules[module], root))
    return tuple(roots)


def _complain(line: str, code: int) -> int:
    print(line, file=sys.stderr)
    return code


if __name__ == "__main__":
    sys.exit(main())
