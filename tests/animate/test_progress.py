"""Progress lines, stage times, and silence."""

from __future__ import annotations

import io

from animate.progress import StageBars


class Terminal(io.StringIO):
    """A stream that claims to be a terminal."""

    def isatty(self) -> bool:
        return True


def run(stream: io.StringIO, *, quiet: bool = False) -> StageBars:
    with StageBars(quiet=quiet, stream=stream) as bars:
        for done in range(4):
            bars("track", done, 3)
        bars("denoise", 1, 2)
        bars("denoise", 2, 2)
    return bars


def test_without_a_terminal_a_stage_is_one_line() -> None:
    stream = io.StringIO()
    run(stream)
    lines = stream.getvalue().splitlines()
    assert [line.split(":")[0] for line in lines] == ["Tracking the dancer", "Denoising"]
    assert "\x1b" not in stream.getvalue()


def test_on_a_terminal_bars_count_up() -> None:
    stream = Terminal()
    run(stream)
    assert "3/3" in stream.getvalue()


def test_quiet_prints_nothing() -> None:
    for stream in (io.StringIO(), Terminal()):
        run(stream, quiet=True)
        assert stream.getvalue() == ""


def test_stage_times_are_kept_in_order() -> None:
    bars = run(io.StringIO())
    assert list(bars.seconds) == ["track", "denoise"]
    assert bars.summary().startswith("track 0.0 s, denoise ")
