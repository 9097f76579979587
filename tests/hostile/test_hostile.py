"""Whatever comes from outside ends in one clear line, soon, in little memory, touching nothing."""

from __future__ import annotations

import json
import os
import pickle
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.hostile import corpus, learning, paths
from tests.hostile.corpus import SAMPLES

SECONDS, BYTES = 10, 1.5 * 2**30  # of a processor, whatever else the machine does
LONGEST = 1500  # characters of a line
STATE = ("work/.jobs.batch/", "work/jobs.report.")  # what a batch keeps even if no job can run
CASES = {**corpus.CASES, **learning.CASES, **paths.CASES}
Zygote = subprocess.Popen[str]

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="forks to measure")


@pytest.fixture(scope="module")
def zygote() -> Iterator[Zygote]:
    root = Path(__file__).resolve().parents[2]
    process = subprocess.Popen(
        [sys.executable, str(Path(__file__).with_name("zygote.py"))],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        cwd=root,
        env={**os.environ, "PYTHONPATH": str(root), "OMP_NUM_THREADS": "1"},
    )
    with process:
        assert process.stdout
        assert process.stdout.readline() == "ready\n"
        yield process
        process.terminate()


def test_there_are_enough_cases() -> None:
    assert len(CASES) >= 150


@pytest.mark.parametrize("name", sorted(CASES))
def test_a_bad_input_ends_in_one_clear_line(zygote: Zygote, name: str, tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    words = CASES[name](tmp_path)
    before = contents(tmp_path)
    answer = ask(zygote, words)
    dry_run = "--dry-run" in words  # lists what is wrong as its result
    lines = answer["said" if answer["said"] or not dry_run else "told"].strip().splitlines()
    assert answer["code"] in (1, 2), answer
    assert len(lines) == 1 or (dry_run and lines), answer
    assert lines[0].startswith(("animate", "Line ")) or dry_run
    assert len(lines[0]) < LONGEST
    assert ": unexpected " not in answer["said"]
    assert "Traceback" not in answer["said"] + answer["told"]
    assert answer["seconds"] < SECONDS
    assert answer["bytes"] < BYTES
    after = contents(tmp_path)
    assert before.items() <= after.items()
    assert all(path.startswith(STATE) for path in after.keys() - before.keys())
    assert not (Path.cwd() / "evil_was_here").exists()


def contents(folder: Path) -> dict[str, bytes | str]:
    """Every file's bytes, and every link's aim, by its path."""
    return {
        str(path.relative_to(folder)): os.readlink(path) if path.is_symlink() else path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_symlink() or path.is_file()
    }


def ask(zygote: Zygote, words: list[str]) -> dict[str, Any]:
    assert zygote.stdin
    assert zygote.stdout
    zygote.stdin.write(json.dumps(words) + "\n")
    zygote.stdin.flush()
    answer: dict[str, Any] = json.loads(zygote.stdout.readline())
    return answer


def test_a_link_in_the_way_is_replaced_and_not_followed(zygote: Zygote, tmp_path: Path) -> None:
    precious = tmp_path / "precious.png"
    precious.write_bytes(b"mine")
    link = tmp_path / "map.png"
    link.symlink_to(precious)
    words = ["annotate", str(SAMPLES / "hero.png"), "--kind", "canny", "-o", str(link)]
    assert ask(zygote, words)["code"] == 1
    assert ask(zygote, [*words, "--force"])["code"] == 0
    assert precious.read_bytes() == b"mine"


def test_code_in_a_random_state_is_not_run(zygote: Zygote, tmp_path: Path) -> None:
    run = tmp_path / "run"
    shutil.copytree(learning.good_run(), run)
    state = run / "checkpoints" / "step-00000002" / "random_states_0.pkl"
    state.write_bytes(pickle.dumps(learning.Evil()))
    assert ask(zygote, ["call", "resume", str(run)])["code"] == 0  # noise comes from the step
    assert not (Path.cwd() / "evil_was_here").exists()
