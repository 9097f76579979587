"""A real Ray cluster of two machines, on this one; one of them is lost in the middle."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from animate.batch.jobs import Job
from animate.batch.run import Batch, News
from animate.batch.store import DONE, Store
from animate.batch.worker import Worker
from animate.progress import ignore
from tests.animate.batch.clips import small_jobs

NODE = {
    "num_cpus": 1,
    "node_ip_address": "127.0.0.1",
    "include_dashboard": False,
    "object_store_memory": 100 << 20,
}
ROOT = Path(__file__).resolve().parents[3]


@pytest.fixture
def cluster(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    # Has Ray stay on 127.0.0.1 where it would look for an address that others can reach.
    monkeypatch.setenv("RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER", "0")
    monkeypatch.setenv("RAY_USAGE_STATS_ENABLED", "0")
    monkeypatch.syspath_prepend(str(ROOT))
    pytest.importorskip("ray")
    from ray.cluster_utils import Cluster

    made = Cluster(initialize_head=True, head_node_args=dict(NODE))
    made.add_node(**{key: NODE[key] for key in NODE if key != "include_dashboard"})
    yield made
    made.shutdown()


@pytest.mark.slow
def test_a_lost_machine_costs_nothing_and_the_bytes_are_the_local_ones(
    cluster: Any, store: Store, dance: Path, hero: Path, tiny_model: Path, tmp_path: Path
) -> None:
    from animate.batch.engines.ray import RayEngine

    jobs: list[Job] = small_jobs(tmp_path, tiny_model, dance, hero, 6)
    done: list[str] = []

    def watch(news: News) -> None:
        if news.kind == "done":
            done.append(news.output)
            if len(done) == 2:
                cluster.remove_node(next(iter(cluster.worker_nodes)), allow_graceful=False)

    store.enrol(jobs, force=False)
    outputs = [job.output for job in jobs]
    engine = RayEngine(store.folder / "scratch", address=cluster.address, workers=None, cores=1)
    with engine:
        assert engine.workers == 2
        Batch(store, engine, tracked=outputs, watch=watch).run()
    assert store.counts()[DONE] == 6
    assert sorted(done) == outputs
    there = {job.output: Path(job.output).read_bytes() for job in jobs}
    worker = Worker(tmp_path / "scratch", threads=1)
    for job in jobs:
        os.unlink(job.output)
        worker.make(job, None, ignore, None)
        assert Path(job.output).read_bytes() == there[job.output]


@pytest.mark.slow
def test_an_idle_worker_helps_with_a_long_clip_and_the_bytes_stay(
    cluster: Any, store: Store, dance: Path, hero: Path, tiny_model: Path, tmp_path: Path
) -> None:
    from animate.batch.engines.ray import RayEngine

    jobs = small_jobs(tmp_path, tiny_model, dance, hero, 1, frames=24, steps=60, window=4)
    told: list[str] = []

    def watch(news: News) -> None:
        if news.kind == "done":
            told.append(news.text)

    store.enrol(jobs, force=False)
    engine = RayEngine(store.folder / "scratch", address=cluster.address, workers=None, cores=1)
    with engine:
        Batch(store, engine, tracked=[jobs[0].output], watch=watch).run()
    assert store.counts()[DONE] == 1
    assert re.fullmatch(r"[1-9]\d* windows by idle workers", told[0])
    there = Path(jobs[0].output).read_bytes()
    os.unlink(jobs[0].output)
    Worker(tmp_path / "scratch", threads=1).make(jobs[0], None, ignore, None)
    assert Path(jobs[0].output).read_bytes() == there
