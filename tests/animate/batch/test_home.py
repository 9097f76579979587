"""Where the state of a batch lies, whatever became of its list."""

from __future__ import annotations

from pathlib import Path

import pytest

from animate.batch.home import find_state, state_folder
from animate.batch.store import Store
from tests.animate.batch.conftest import make_jobs


def test_the_state_lies_beside_the_outputs(tmp_path: Path) -> None:
    listed = tmp_path / "list" / "friday.yaml"
    outputs = [str(tmp_path / "out" / part / "x.mp4") for part in ("a", "b")]
    assert state_folder(listed, outputs) == tmp_path / "out" / ".friday.batch"
    assert state_folder(listed, ["s3://b/x.mp4"]) == tmp_path / "list" / ".friday.batch"


@pytest.mark.parametrize(
    ("first", "then"),
    [(["a"], ["a", "b"]), (["a", "b"], ["b"]), (["a"], ["a", "../elsewhere"])],
    ids=["grows", "shrinks", "reaches elsewhere"],
)
def test_a_list_that_changed_finds_its_state(
    tmp_path: Path, first: list[str], then: list[str]
) -> None:
    def outputs(parts: list[str]) -> list[str]:
        return [str((tmp_path / "out" / part / "0.mp4").resolve()) for part in parts]

    listed = tmp_path / "friday.yaml"
    where = find_state(listed, outputs(first))
    assert where == state_folder(listed, outputs(first))
    with Store(where) as store:
        for part in first:
            (tmp_path / "out" / part).mkdir(parents=True, exist_ok=True)
        jobs = [job for part in first for job in make_jobs(tmp_path / "out" / part, 1)]
        store.enrol(jobs, force=False)
        assert store.outputs() == set(outputs(first))
    assert find_state(listed, outputs(then)) == where


def test_another_lists_state_of_the_same_name_is_left_alone(tmp_path: Path) -> None:
    with Store(tmp_path / ".friday.batch") as store:
        store.enrol(make_jobs(tmp_path, 2), force=False)
    outputs = [str(tmp_path / "out" / "mine.mp4")]
    listed = tmp_path / "friday.yaml"
    assert find_state(listed, outputs) == tmp_path / "out" / ".friday.batch"
