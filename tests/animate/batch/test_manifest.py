"""Lists of jobs in three formats give the same rows, and hostile ones an error at once."""

from __future__ import annotations

import json
from itertools import pairwise

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from animate.batch.manifest import MOST_BYTES, read_manifest
from animate.errors import UsageError
from tests.animate.batch.conftest import Write

YAML = """defaults:
  steps: 2
jobs:
  - driving: a.mp4
    ref: b.png
    guidance: 1:3
  - {driving: c.mp4, ref: b.png, no_audio: true}
"""


def test_yaml_keeps_what_is_written_and_its_line(write: Write) -> None:
    read = read_manifest(write("jobs.yaml", YAML))
    assert read.defaults == {"steps": "2"}
    assert [row.line for row in read.rows] == [4, 7]
    assert read.rows[0].values["guidance"] == "1:3"
    assert read.rows[1].values["no-audio"] == "true"


def test_json_lines_and_csv_say_the_same(write: Write) -> None:
    lines = '{"defaults": {"steps": 2}}\n\n{"driving": "a.mp4", "ref": "b.png", "fps": 12.5}\n'
    read = read_manifest(write("jobs.jsonl", lines))
    table = read_manifest(write("jobs.csv", "driving,ref,fps,steps\n\na.mp4,b.png,12.5,\n"))
    assert read.defaults == {"steps": "2"}
    assert read.rows == table.rows
    assert read.rows[0].line == 3


@pytest.mark.parametrize(
    ("name", "text", "told"),
    [
        ("a.txt", "", "expected a list of jobs in"),
        ("a.yaml", "jobs: [", "cannot be read"),
        ("a.yaml", "works: []", "'works' is neither"),
        ("a.yaml", "jobs: 3", "expected a list of jobs"),
        ("a.yaml", "jobs: []", "lists no jobs"),
        ("a.yaml", "[" * 5000, "nested too deep"),
        ("a.yaml", "- " * 100_000, "nested too deep"),
        ("a.yaml", "x" * (MOST_BYTES[".yaml"] + 1), "split it"),
        ("a.csv", 'driving\n"never closed', "line"),
    ],
)
def test_what_is_no_list_is_told_in_one_line(write: Write, name: str, text: str, told: str) -> None:
    with pytest.raises(UsageError, match=told) as caught:
        read_manifest(write(name, text))
    assert "\n" not in str(caught.value)
    assert len(str(caught.value)) < 500


def test_aliases_that_multiply_end_at_once(write: Write) -> None:
    names = "abcdefghi"
    text = f"- driving: &a [{', '.join(['x'] * 9)}]\n"
    for before, name in pairwise(names):
        text += f"- driving: &{name} [{', '.join([f'*{before}'] * 9)}]\n"
    read = read_manifest(write("bomb.yaml", text))
    assert [problem.line for problem in read.problems] == list(range(2, 10))


def test_a_bad_line_leaves_the_others(write: Write) -> None:
    read = read_manifest(write("jobs.jsonl", '{"a": 1}\nnonsense\n[1]\n{"b": {"c": 1}}\n'))
    assert [row.line for row in read.rows] == [1]
    assert [problem.line for problem in read.problems] == [2, 3, 4]


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(raw=st.binary(max_size=300), suffix=st.sampled_from([".yaml", ".jsonl", ".csv"]))
def test_any_bytes_give_rows_or_a_usage_error(write: Write, raw: bytes, suffix: str) -> None:
    path = write(f"any{suffix}", "")
    path.write_bytes(raw)
    try:
        read = read_manifest(path)
    except UsageError:
        return
    assert read.rows or read.problems


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(st.dictionaries(st.text("abc", min_size=1), st.text(), min_size=1))
def test_json_text_comes_back_as_it_is(write: Write, values: dict[str, str]) -> None:
    [row] = read_manifest(write("any.jsonl", json.dumps(values))).rows
    assert row.values == values
