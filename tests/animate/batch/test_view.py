"""What is shown of a batch: lines, events, a table."""

from __future__ import annotations

import io
import json
from pathlib import Path

import pytest

from animate.batch.run import News
from animate.batch.store import FAILED, Store
from animate.batch.view import Board, Events, Lines, Table
from tests.animate.batch.conftest import make_jobs

FIGURES = {"motion": {"body": 0.875}, "verdict": "good"}


@pytest.fixture
def board(store: Store, tmp_path: Path) -> Board:
    store.enrol(make_jobs(tmp_path, 3), force=False)
    return Board(store.records(), workers=1)


def news_of(tmp_path: Path) -> list[News]:
    zero, one = (str(tmp_path / f"{number}.mp4") for number in range(2))
    return [
        News(kind="started", output=zero),
        News(kind="progress", output=zero, stage="denoise", done=1, total=2),
        News(kind="tick"),
        News(kind="done", output=zero, seconds=4.0, figures=FIGURES),
        News(kind="again", output=one, seconds=2.0, text="disk full"),
        News(kind="failed", output=one, text="no such film"),
    ]


def test_a_line_for_what_starts_and_ends(board: Board, tmp_path: Path) -> None:
    stream = io.StringIO()
    with Lines(board, stream) as view:
        for news in news_of(tmp_path):
            view(news)
    lines = stream.getvalue().splitlines()
    assert len(lines) == 4
    assert "0.88 of the joints right, good" in lines[1]
    assert "1 done, 0 running, 2 waiting" in lines[1]
    assert "again in 2 s; disk full" in lines[2]
    assert lines[3].startswith("failed")
    assert "no such film" in lines[3]


def test_quiet_tells_failures_alone(board: Board, tmp_path: Path) -> None:
    stream = io.StringIO()
    with Lines(board, stream, quiet=True) as view:
        for news in news_of(tmp_path):
            view(news)
    assert [line.split()[0] for line in stream.getvalue().splitlines()] == ["failed"]


def test_events_are_json_a_line(board: Board, tmp_path: Path) -> None:
    stream = io.StringIO()
    with Events(board, stream) as view:
        for news in news_of(tmp_path):
            view(news)
    told = [json.loads(line) for line in stream.getvalue().splitlines()]
    assert [one["kind"] for one in told] == ["started", "progress", "done", "again", "failed"]
    assert told[2]["figures"] == FIGURES
    assert told[-1]["counts"] == {"done": 1, "running": 0, "waiting": 1, "failed": 1}


def test_events_begin_with_what_failed_before(store: Store, tmp_path: Path) -> None:
    jobs = make_jobs(tmp_path, 3)
    store.enrol(jobs, force=False)
    store.update(jobs[1].output, state=FAILED, error="no such film", passing=1)
    stream = io.StringIO()
    with Events(Board(store.records(), workers=1), stream):
        (line,) = stream.getvalue().splitlines()
    told = json.loads(line)
    assert (told["kind"], told["output"], told["text"]) == (
        "failed",
        jobs[1].output,
        "no such film",
    )
    assert told["counts"] == {"done": 0, "running": 0, "waiting": 2, "failed": 1}


def test_time_left_counts_what_is_done_of_running_jobs(board: Board, tmp_path: Path) -> None:
    assert board.left() is None
    for news in news_of(tmp_path)[:4]:
        board.hear(news)
    assert board.left() == pytest.approx(8.0)
    board.hear(News(kind="started", output=str(tmp_path / "1.mp4")))
    board.hear(
        News(kind="progress", output=str(tmp_path / "1.mp4"), stage="judge", done=1, total=1)
    )
    assert board.left() == pytest.approx(4.0)


def test_the_table_shows_state_share_and_fidelity(board: Board, tmp_path: Path) -> None:
    from rich.console import Console

    for news in news_of(tmp_path):
        board.hear(news)
    console = Console(file=io.StringIO(), width=100, record=True)
    console.print(Table(board)._draw())
    shown = console.export_text()
    for text in ("0.mp4", "done", "100%", "0.88 good", "failed", "waiting"):
        assert text in shown
