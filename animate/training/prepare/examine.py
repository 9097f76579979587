"""Second look at a clip or photograph: find the person, measure, and keep it or drop it."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from animate.training.prepare.captions import caption_for, read_captions
from animate.training.prepare.entry import ENTRIES, WAITING, Entry, unreadable, write_entries
from animate.training.prepare.figure import figures_of
from animate.training.prepare.index import CLIPS, CONTROLS, POSES, Row
from animate.training.prepare.picture import LOOK_SIDE, blur, letters, shrink
from animate.training.prepare.plan import Plan
from animate.training.prepare.registry import annotator, captioner
from animate.training.prepare.rules import as_json, breaches
from animate.training.prepare.survey import JPEG_QUALITY, save_picture
from animate.video import VideoWriter
from pose.align import align
from pose.detect import detect
from pose.errors import NoPersonError, PoseFileError, VideoError
from pose.files import load_poses, save_poses
from pose.identity import Person
from pose.likeness import boxes_of
from pose.skeleton import PoseSequence
from pose.track import track
from pose.video import Clip, load_image, open_video

Frame = NDArray[np.uint8]

LOOKS = 5  # frames of a clip at which blur and letters are looked for
ROOM = 0.1  # of a person's box, around it, when its sharpness is measured


def examine(folder: Path, plan: Plan, entry: Entry) -> None:
    """Judge an entry that waits, note it, and move its film to the clips or remove it."""
    waiting, kept = folder / WAITING / entry.file, folder / CLIPS / entry.file
    path = waiting if waiting.exists() else kept  # moved by a run that was killed then
    try:
        shown = load_image(path) if entry.still else open_video(path)
        poses = None if plan.people == "any" else _find_poses(shown, plan, entry)
        pictures, places = _look(shown)
    except (VideoError, PoseFileError) as error:
        write_entries(folder / ENTRIES / f"{entry.name}.json", [unreadable(entry, error)])
        path.unlink(missing_ok=True)
        return
    figures = {**entry.figures, **_measure(plan, pictures, places, poses)}
    if plan.people != "any":
        figures.update(figures_of(poses, alone=plan.people == "one"))
    found = breaches(figures, plan.limits, still=entry.still)
    entry = replace(entry, figures=figures, breaches=found)
    if not found:
        if poses is not None:
            save_poses(folder / POSES / f"{entry.name}.npz", poses)
        controls = {name: _annotate(folder, shown, name, entry) for name in _stored_maps(plan)}
        os.replace(path, kept)
        entry = replace(entry, row=_row(folder, plan, entry, poses, pictures, controls))
    write_entries(folder / ENTRIES / f"{entry.name}.json", [entry])
    if found:
        path.unlink(missing_ok=True)


def _find_poses(shown: Frame | Clip, plan: Plan, entry: Entry) -> PoseSequence | None:
    """The poses of a film or photograph, from a keypoint file beside its source or by tracking."""
    known = _keypoints_beside(entry)
    try:
        if known is not None:
            size = shown.size if isinstance(shown, Clip) else (shown.shape[1], shown.shape[0])
            poses = align(known, PoseSequence.empty(size), mode="none")
        elif not isinstance(shown, Clip):
            poses = detect(shown, backend=plan.pose_backend)
        else:
            person: Person = "all" if plan.people == "all" else "largest"
            # One process, so that the result does not depend on how many share the work.
            poses = track(
                shown, backend=plan.pose_backend, person=person, smooth=plan.smooth, workers=1
            )
    except NoPersonError:
        return None
    if plan.people != "all":
        poses = poses.persons([0]) if poses.people else poses
    return replace(poses, source=Path(entry.source).name)


def _keypoints_beside(entry: Entry) -> PoseSequence | None:
    """The entry's part of NAME.npz beside its source, if it is there and of the same frames."""
    path = Path(entry.source).with_suffix(".npz")
    if not path.is_file():
        return None
    poses = load_poses(path)
    if entry.still and len(poses) == 1:
        return replace(poses, fps=0.0)
    if entry.last > len(poses) or abs(poses.fps - entry.fps) > 0.01 * entry.fps:
        raise PoseFileError(
            f"{path} holds {len(poses)} frames at {poses.fps:g} a second, which are not those of "
            f"{entry.source}; remove it, or prepare without --fps"
        )
    part = poses.take(range(entry.first, entry.last), entry.fps)
    return replace(part, times=part.times - part.times[0])


def _look(shown: Frame | Clip) -> tuple[list[Frame], list[int]]:
    """A few frames from all over a film, and which they are."""
    if not isinstance(shown, Clip):
        return [shown], [0]
    places = sorted(set(np.linspace(0, len(shown) - 1, LOOKS).astype(int).tolist()))
    chosen = Clip(shown.info, shown.indices[places], shown.times[places], shown.fps)
    return [frame.copy() for frame in chosen], places


def _measure(
    plan: Plan, pictures: list[Frame], places: list[int], poses: PoseSequence | None
) -> dict[str, float]:
    """Blur, of the person where there is one, and letters, unless nobody asks."""
    shown = [
        _person(picture, poses, place) for picture, place in zip(pictures, places, strict=False)
    ]
    figures = {"blur": float(np.median([blur(shrink(one, LOOK_SIDE)) for one in shown]))}
    limits = as_json(plan.limits)
    count = None if limits["letters"] is None else letters(pictures)
    if count is not None:
        figures["letters"] = count
    return figures


def _person(picture: Frame, poses: PoseSequence | None, place: int) -> Frame:
    """The part of a picture that shows the first person; all of it where nobody is."""
    if poses is None or not poses.people or place >= len(poses):
        return picture
    box = boxes_of(poses.keypoints[place, 0], poses.scores[place, 0])
    if not np.isfinite(box).all():
        return picture
    height, width = picture.shape[:2]
    room = ROOM * (box[2:] - box[:2])
    left, top = np.floor(np.maximum(box[:2] - room, 0)).astype(int)
    right, bottom = np.ceil(np.minimum(box[2:] + room, [width, height])).astype(int)
    part = picture[top:bottom, left:right]
    return part if min(part.shape[:2]) > 1 else picture


def _stored_maps(plan: Plan) -> list[str]:
    return [name for name in plan.annotators if not annotator(name).quick]


def _annotate(folder: Path, shown: Frame | Clip, name: str, entry: Entry) -> str:
    """Make and store a control map, a picture or a film; its path relative to the data set."""
    make = annotator(name).make
    target = f"{CONTROLS}/{name}/{entry.file}"
    (folder / target).parent.mkdir(parents=True, exist_ok=True)
    if not isinstance(shown, Clip):
        save_picture(folder / target, make(shown), JPEG_QUALITY)
        return target
    with VideoWriter(folder / target, shown.size, shown.fps) as writer:
        for frame in shown:
            writer.write(make(frame))
    return target


def _row(
    folder: Path,
    plan: Plan,
    entry: Entry,
    poses: PoseSequence | None,
    pictures: list[Frame],
    controls: dict[str, str],
) -> Row:
    height, width = pictures[0].shape[:2]
    caption = ""
    source = Path(entry.source)
    if plan.captioner and not caption_for(source, read_captions(plan.captions)):
        caption = captioner(plan.captioner)(pictures[len(pictures) // 2])
    return Row(
        name=entry.name,
        clip=f"{CLIPS}/{entry.file}",
        poses="" if poses is None else f"{POSES}/{entry.name}.npz",
        width=width,
        height=height,
        frames=1 if entry.still else entry.last - entry.first,
        fps=entry.fps,
        source=entry.source,
        start=entry.start,
        stop=entry.stop,
        caption=caption,
        figures=entry.figures,
        controls=controls,
    )
