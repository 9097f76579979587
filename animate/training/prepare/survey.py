"""First look at a source: cut it into clips, and leave out what needs no tracker to be refused."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from animate.files import partial_path
from animate.training.prepare.entry import SOURCES, WAITING, Entry, unreadable, write_entries
from animate.training.prepare.index import THUMBS
from animate.training.prepare.picture import shrink
from animate.training.prepare.plan import Plan
from animate.training.prepare.rules import breaches
from animate.training.prepare.scenes import Changes, pieces
from animate.training.prepare.sources import Source
from animate.video import VideoWriter
from pose.errors import VideoError
from pose.video import Clip, load_image, open_video

Frame = NDArray[np.uint8]

JPEG_QUALITY = 97  # of stored photographs
THUMB_SIDE, THUMB_QUALITY = 120, 80  # pixels of a thumbnail's short side


def survey(folder: Path, plan: Plan, source: Source) -> None:
    """Divide a source into clips and note them; those still in question wait as files."""
    try:
        entries = _photograph(folder, plan, source) if source.still else _film(folder, plan, source)
    except VideoError as error:
        entries = [unreadable(Entry(name=source.name, source=str(source.path)), error)]
    write_entries(folder / SOURCES / f"{source.name}.json", entries)


def save_picture(path: Path, picture: Frame, quality: int) -> None:
    """Write a JPEG that appears when it is whole."""
    from PIL import Image

    partial = partial_path(path)
    try:
        Image.fromarray(picture).save(partial, quality=quality, subsampling=0)
        os.replace(partial, path)
    finally:
        partial.unlink(missing_ok=True)


def save_thumb(folder: Path, name: str, picture: Frame) -> str:
    """Write a thumbnail; its path relative to the data set."""
    path = f"{THUMBS}/{name}.jpg"
    save_picture(folder / path, shrink(picture, THUMB_SIDE), THUMB_QUALITY)
    return path


def _photograph(folder: Path, plan: Plan, source: Source) -> list[Entry]:
    picture = load_image(source.path)
    entry = Entry(
        name=source.name,
        source=str(source.path),
        figures={"short_side": float(min(picture.shape[:2]))},
        thumb=save_thumb(folder, source.name, picture),
    )
    found = breaches(entry.figures, plan.limits, still=True)
    if found:
        return [replace(entry, breaches=found)]
    file = f"{source.name}.jpg"
    save_picture(folder / WAITING / file, _stored(picture, plan), JPEG_QUALITY)
    return [replace(entry, file=file)]


def _film(folder: Path, plan: Plan, source: Source) -> list[Entry]:
    clip = open_video(source.path, fps=plan.fps)
    changes = Changes.of(clip)
    entries = []
    for number, (first, last) in enumerate(
        pieces(len(changes.grey), changes.cuts(), clip.fps, plan.longest)
    ):
        figures = {
            "short_side": float(min(clip.size)),
            "seconds": (last - first) / clip.fps,
            "change": float(np.mean(changes.grey[first + 1 : last])) if last - first > 1 else 0.0,
        }
        name = f"{source.name}-{number:04d}"
        found = breaches(figures, plan.limits)
        entries.append(
            Entry(
                name=name,
                source=str(source.path),
                file="" if found else f"{name}.mp4",
                start=float(clip.times[first]),
                stop=float(clip.times[first] + (last - first) / clip.fps),
                first=first,
                last=last,
                fps=clip.fps,
                figures=figures,
                breaches=found,
                thumb=f"{THUMBS}/{name}.jpg",
            )
        )
    _cut(folder, plan, clip, entries)
    return entries


def _cut(folder: Path, plan: Plan, clip: Clip, entries: list[Entry]) -> None:
    """Write a thumbnail of every entry, and the film of those that wait, in one pass."""
    frames: Iterator[Frame] = iter(clip)
    for entry in entries:
        part = _part(folder, entry, frames)
        if entry.file:
            target = folder / WAITING / entry.file
            first = _stored(next(part), plan)
            with VideoWriter(target, (first.shape[1], first.shape[0]), entry.fps) as writer:
                writer.write(first)
                for frame in part:
                    writer.write(_stored(frame, plan))
        for _ in part:
            pass


def _part(folder: Path, entry: Entry, frames: Iterator[Frame]) -> Iterator[Frame]:
    """The frames of an entry, the middle one also as a thumbnail."""
    middle = (entry.first + entry.last) // 2
    for number in range(entry.first, entry.last):
        frame = next(frames)
        if number == middle:
            save_thumb(folder, entry.name, frame)
        yield frame


def _stored(picture: Frame, plan: Plan) -> Frame:
    return picture if plan.short_side is None else shrink(picture, plan.short_side)
