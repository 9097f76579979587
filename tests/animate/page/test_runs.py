"""Runs that are watched, wait for each other, and are stopped."""

from __future__ import annotations

import threading
import time

import pytest

from animate.page.runs import WAITING, Desk, Sight, Stopped
from animate.progress import Progress, Report

SOON = 10.0  # seconds in which what must happen happens, on however busy a machine


def count(to: int, ended: list[int] | None = None) -> object:
    """Work that tells every step."""

    def work(progress: Progress, report: Report) -> int:
        report("counting")
        try:
            for done in range(to + 1):
                progress("denoise", done, to)
                time.sleep(0.01)
        finally:
            if ended is not None:
                ended.append(done)
        return to

    return work


def test_a_run_is_seen_and_gives_its_result() -> None:
    with Desk().run("me", "tab", count(30)) as run:  # type: ignore[arg-type]
        seen = list(run.watch())
        assert run.result() == 30
    assert seen[-1].stage == "denoise"
    assert [sight.done for sight in seen] == sorted(sight.done for sight in seen)
    assert run.sight().lines == ("counting",)


def test_errors_come_out_where_the_result_is_asked_for() -> None:
    def work(progress: Progress, report: Report) -> None:
        raise ValueError("no dancer")

    with Desk().run("me", "tab", work) as run:
        list(run.watch())
        with pytest.raises(ValueError, match="no dancer"):
            run.result()


@pytest.mark.parametrize("by", ["stop", "leave", "again"])
def test_a_stopped_run_leaves_through_its_finally(by: str) -> None:
    desk, ended = Desk(), list[int]()
    with desk.run("me", "tab", count(100_000, ended)) as run:  # type: ignore[arg-type]
        next(run.watch())
        if by == "stop":
            desk.stop("me", "tab")
        elif by == "again":
            with desk.run("me", "tab", count(1)) as second:  # type: ignore[arg-type]
                assert second.result() == 1
    with pytest.raises(Stopped):
        run.result()
    assert ended[0] < 100_000


def test_runs_of_others_and_other_tabs_go_on() -> None:
    desk = Desk()
    with (
        desk.run("me", "tab", count(30)) as mine,  # type: ignore[arg-type]
        desk.run("you", "tab", count(30)) as yours,  # type: ignore[arg-type]
        desk.run("me", "other", count(30)) as other,  # type: ignore[arg-type]
    ):
        desk.stop("me", "tab")
        with pytest.raises(Stopped):
            mine.result()
        assert yours.result() == other.result() == 30


def test_who_leaves_stops_all_their_runs() -> None:
    desk = Desk()
    with (
        desk.run("me", "tab", count(100_000)) as one,  # type: ignore[arg-type]
        desk.run("me", "other", count(100_000)) as other,  # type: ignore[arg-type]
    ):
        desk.stop("me")
        for run in (one, other):
            with pytest.raises(Stopped):
                run.result()


def test_runs_are_done_one_at_a_time() -> None:
    desk, go_on, at_work = Desk(), threading.Event(), list[str]()

    def wait(progress: Progress, report: Report) -> None:
        at_work.append("first")
        go_on.wait(SOON)
        at_work.append("first ended")

    def second(progress: Progress, report: Report) -> None:
        at_work.append("second")

    with desk.run("me", "tab", wait) as first, desk.run("you", "tab", second) as later:
        while not at_work:
            time.sleep(0.01)
        assert next(later.watch()).stage == WAITING
        go_on.set()
        first.result()
        later.result()
    assert at_work == ["first", "first ended", "second"]


def test_who_waits_can_be_stopped_too() -> None:
    desk, go_on = Desk(), threading.Event()
    with desk.run("me", "tab", lambda progress, report: go_on.wait(SOON)):
        with desk.run("you", "tab", count(1)) as waiting:  # type: ignore[arg-type]
            desk.stop("you")
            with pytest.raises(Stopped):
                waiting.result()
        go_on.set()


def test_a_closed_desk_has_stopped_everything_and_begins_nothing() -> None:
    desk, ended = Desk(), list[int]()
    with desk.run("me", "tab", count(100_000, ended)) as run:  # type: ignore[arg-type]
        next(run.watch())
        desk.close(SOON)
        assert ended
    with pytest.raises(Stopped), desk.run("me", "tab", count(1)):  # type: ignore[arg-type]
        pass


def test_the_time_left_is_by_the_pace_so_far() -> None:
    assert Sight("denoise", 5, 20, 10.0, ()).left == 30.0
    assert Sight("denoise", 0, 20, 10.0, ()).left is None
