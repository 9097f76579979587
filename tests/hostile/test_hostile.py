"""Whatever comes from outside ends in one clear line, soon, in little memory, touching nothing."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.hostile.corpus import CASES, SAMPLES

SECONDS, BYTES = 10, 1.5 * 2**30
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
    assert len(CASES) >= 60


@pytest.mark.parametrize("name", sorted(CASES))
def test_a_bad_input_ends_in_one_clear_line(zygote: Zygote, name: str, tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    answer = ask(zygote, CASES[name](tmp_path))
    dry_run = "--dry-run" in CASES[name](tmp_path)  # lists what is wrong as its result
    lines = answer["said" if answer["said"] or not dry_run else "told"].strip().splitlines()
    assert answer["code"] in (1, 2), answer
    assert len(lines) == 1 or (dry_run and lines), answer
    assert lines[0].startswith("animate ") or dry_run
    assert "unexpected" not in answer["said"]
    assert "Traceback" not in answer["said"] + answer["told"]
    assert answer["seconds"] < SECONDS
    assert answer["bytes"] < BYTES
    assert not list((tmp_path / "out").iterdir())


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
