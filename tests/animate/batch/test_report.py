"""The report shows first what needs a look, and holds everything in one file."""

from __future__ import annotations

import json
import re
from pathlib import Path

from animate.batch.report import entries, write_report
from animate.batch.store import DONE, FAILED, Store
from tests.animate.batch.conftest import make_jobs


def fill(store: Store, folder: Path) -> None:
    jobs = make_jobs(folder, 4)
    store.enrol(jobs, force=False)
    for job, body in zip(jobs, (0.9, 0.6, 0.2), strict=False):
        figures = json.dumps({"verdict": "fair", "motion": {"body": body}, "findings": []})
        store.update(job.output, state=DONE, figures=figures, strip=b"a picture")
    store.update(jobs[3].output, state=FAILED, error="<b>no such file</b>")


def test_failed_and_below_the_threshold_come_first(store: Store, tmp_path: Path) -> None:
    fill(store, tmp_path)
    assert [one["line"] for one in entries(store, 0.7)] == [4, 3, 2, 1]
    assert [one["look"] for one in entries(store, 0.7)] == [True, True, True, False]
    assert [one["look"] for one in entries(store, 0.5)] == [True, True, False, False]


def test_the_page_needs_no_other_file_and_trusts_no_text(store: Store, tmp_path: Path) -> None:
    fill(store, tmp_path)
    page, data = write_report(store, tmp_path / "report.html")
    text = page.read_text()
    assert text.count("data:image/jpeg;base64,") == 3
    assert not re.search(r'(src|href)="(?!data:)', text)
    assert "<b>no such" not in text
    assert "&lt;b&gt;no such" in text
    told = json.loads(data.read_text())
    assert told["counts"] == {"waiting": 0, "running": 0, "done": 3, "failed": 1}
    assert len(told["jobs"]) == 4
