"""The command `animate prepare` as its users meet it."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from animate.cli import main
from animate.training.prepare import RULES, read_index

from ..films import LIMITS, make_film

ROOT = Path(__file__).resolve().parents[4]
LOOSE = [
    word
    for name, limit in LIMITS.items()
    for word in ("--rule", f"{name}={'off' if limit is None else limit}")
]


def test_it_says_what_was_kept_and_what_not(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    film = make_film(tmp_path, 0)
    (tmp_path / "notes.mp4").write_text("no film")
    words = ["prepare", str(tmp_path), "-o", str(tmp_path / "set"), "--workers", "1", *LOOSE]
    assert main(words) == 0
    told = capsys.readouterr().out
    assert "Kept 1 of 2: 1 clips, 1.0 s" in told
    assert "1 dropped: cannot be read (readable)" in told
    assert read_index(tmp_path / "set")[0].source == str(film)


def test_the_rules_are_listed(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["prepare", "--rules", "--rule", "hands=0.7"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == len(RULES)
    assert any(line.startswith("hands") and "0.7" in line for line in lines)


@pytest.mark.parametrize(
    ("words", "told"),
    [
        ([], "give films or folders"),
        (["no.mp4", "-o", "set"], "no.mp4: no such file"),
        (["no.mp4", "-o", "set", "--rule", "hand=1"], "did you mean hands"),
        (["no.mp4", "-o", "set", "--workers", "0"], "--workers expects"),
        (["no.mp4", "-o", "set", "--captioner", "x", "--captions", "y"], "--captions y"),
    ],
)
def test_mistakes_are_told_in_one_line(
    words: list[str], told: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["prepare", *words]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("animate prepare: ")
    assert told in line


def test_an_interrupt_says_how_to_go_on(tmp_path: Path) -> None:
    for seed in range(6):
        make_film(tmp_path, seed)
    folder = tmp_path / "set"
    command = [sys.executable, "-m", "animate", "prepare", str(tmp_path), "-o", str(folder)]
    run = subprocess.Popen(
        [*command, "--workers", "2", *LOOSE],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    while run.poll() is None and not list(folder.glob(".prepare/sources/*.json")):
        time.sleep(0.01)
    run.send_signal(signal.SIGINT)
    _, err = run.communicate()
    assert run.returncode == 130
    assert err.splitlines()[-1].endswith("what is done is kept, the same command goes on there")
    assert "Traceback" not in err
