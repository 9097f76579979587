"""From a source to the batches of every step, the same however many processes share them.

For step s and place p in the batch of all processes, everything is drawn from generators seeded
by (seed, s, p). A run that was stopped therefore goes on as if it had not been.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import torch
from torch.utils.data import DataLoader, Dataset

from animate.training.data import Batch, Sample, SampleError, Source, stack
from animate.training.errors import TrainingError

# First number of every seed, so that no two kinds of draws share one.
BUCKETS, SAMPLES, NOISE = 1, 2, 3
ATTEMPTS = 50  # broken samples in a row after which the data, not a sample, is broken


@dataclass(frozen=True, kw_only=True)
class Share:
    """What one process takes of every step: ``parts`` batches of ``size`` samples, one by one.

    All processes' samples of a step are numbered part by part, process by process.
    """

    seed: int
    size: int
    parts: int = 1
    process: int = 0
    processes: int = 1

    def places(self, part: int) -> range:
        """Places in the batch of all processes of one of this process's parts."""
        first = (part * self.processes + self.process) * self.size
        return range(first, first + self.size)

    def generators(self, step: int, part: int) -> list[torch.Generator]:
        """What the loss draws noise from, one generator a sample."""
        return [_generator(self.seed, step, place) for place in self.places(part)]


class Draws(Dataset[Batch]):
    """Batches by number: that of part p of step s is s * parts + p."""

    def __init__(self, source: Source, share: Share) -> None:
        self.source, self.share = source, share

    def __getitem__(self, number: int) -> Batch:
        share = self.share
        step, part = divmod(number, share.parts)
        bucket = self.source.bucket(np.random.default_rng([BUCKETS, share.seed, step]))
        skipped: list[str] = []
        samples = [self._draw(bucket, step, place, skipped) for place in share.places(part)]
        return stack(samples, skipped)

    def _draw(self, bucket: object, step: int, place: int, skipped: list[str]) -> Sample:
        for attempt in range(ATTEMPTS):
            rng = np.random.default_rng([SAMPLES, self.share.seed, step, place, attempt])
            try:
                return self.source.sample(bucket, rng)
            except SampleError as error:
                skipped.append(str(error))
        raise TrainingError(
            f"step {step + 1}: {ATTEMPTS} broken samples in a row, the last: {skipped[-1]}; "
            "check the dataset"
        )


def feed(
    source: Source, share: Share, *, first: int, steps: int, workers: int
) -> Iterator[list[Batch]]:
    """The batches of each step from ``first`` on, drawn ahead by ``workers`` processes."""
    loader: DataLoader[Batch] = DataLoader(
        Draws(source, share),
        batch_size=None,
        sampler=range(first * share.parts, steps * share.parts),
        num_workers=workers,
        generator=torch.Generator(),
        multiprocessing_context="spawn" if workers else None,
    )
    batches = iter(loader)
    for _ in range(first, steps):
        yield [next(batches) for _ in range(share.parts)]


def _generator(seed: int, step: int, place: int) -> torch.Generator:
    state = np.random.SeedSequence([NOISE, seed, step, place]).generate_state(1, np.uint64)
    return torch.Generator().manual_seed(int(state[0] >> np.uint64(1)))
