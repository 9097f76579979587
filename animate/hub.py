"""Diffusion models on this machine and on the Hugging Face Hub: where they lie, how to get them."""

from __future__ import annotations

import io
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from animate.errors import ModelError
from animate.releases import HUB, SETS, Release
from animate.releases import MODELS as RELEASED
from animate.still_releases import STILLS

__all__ = ["MODELS", "SETS", "fetch", "folders_of", "locate", "repository_folders"]

FOLDERS_VARIABLE = "ANIMATE_MODELS"  # folders of models, separated as in PATH

MODELS: tuple[Release, ...] = (*RELEASED, *STILLS)

Progress = Callable[[int, int], None]  # (bytes done, bytes in all; 0 if unknown)


def locate(name: str, folder: str | os.PathLike[str] | None = None) -> Path | None:
    """Where a model lies, complete; None if it is not here. Never uses the network.

    Searched are `folder` alone if it is given, else the folders in ANIMATE_MODELS and the Hub's
    cache. Raises ModelError for an unknown name.
    """
    release = _find(name)
    places = [Path(folder) / _own_folder(release)] if folder else repository_folders(release)
    found = (place for place in places if not _missing(release, place))
    return next((place / release.main for place in found), None)


def fetch(
    name: str,
    folder: str | os.PathLike[str] | None = None,
    *,
    progress: Progress | None = None,
) -> list[Path]:
    """Get a model or set unless it is here, and say where its parts lie.

    folder: put it there instead of the Hub's cache, in a folder of the repository's name. After an
    interruption whole files are kept; a file in between goes on where the Hub's client can do
    that. progress gets bytes done and bytes in all. Raises ModelError.
    """
    return [
        locate(part, folder) or _fetch(_find(part), folder, progress)
        for part in SETS.get(name, (name,))
    ]


def repository_folders(release: Release) -> Iterator[Path]:
    """Every folder on this machine that may hold files of a release's repository."""
    return folders_of(release.repository)


def folders_of(repository: str) -> Iterator[Path]:
    """Every folder on this machine that may hold files of a repository, OWNER/NAME."""
    for place in os.environ.get(FOLDERS_VARIABLE, "").split(os.pathsep):
        if place:
            yield Path(place).expanduser() / repository.split("/")[-1]
    cached = _cache() / f"models--{repository.replace('/', '--')}"
    try:
        yield cached / "snapshots" / (cached / "refs" / "main").read_text().strip()
    except OSError:  # no such reference: nothing of the repository is here
        return


def _find(name: str) -> Release:
    known = {release.name: release for release in MODELS}
    if name not in known:
        raise ModelError(f"unknown model {name!r}; known: {', '.join([*SETS, *known])}")
    return known[name]


def _own_folder(release: Release) -> str:
    return release.repository.split("/")[-1]


def _cache() -> Path:
    """The Hub client's cache, by its own rules, without its import of half a second."""
    home = os.environ.get("HF_HOME")
    if not home:
        home = (os.environ.get("XDG_CACHE_HOME") or "~/.cache") + "/huggingface"
    return Path(os.environ.get("HF_HUB_CACHE") or f"{home}/hub").expanduser()


def _missing(release: Release, folder: Path) -> list[str]:
    """What a folder lacks; links whose file is gone count as missing."""
    return [
        " or ".join(choices)
        for choices in release.required
        if not any((folder / choice).is_file() for choice in choices)
    ]


def _fetch(
    release: Release, folder: str | os.PathLike[str] | None, progress: Progress | None
) -> Path:
    from huggingface_hub import snapshot_download
    from huggingface_hub.utils import logging

    # What its warnings are about is told below.
    logging.set_verbosity_error()  # type: ignore[no-untyped-call, unused-ignore]
    target = Path(folder) / _own_folder(release) if folder else None
    try:
        place = snapshot_download(
            release.repository,
            allow_patterns=list(release.patterns),
            cache_dir=_cache(),
            local_dir=target,
            tqdm_class=_bars(progress or (lambda done, total: None)),
        )
    except Exception as error:  # the client's errors have no common root across its versions
        raise ModelError(_explain(release, error)) from error
    missing = _missing(release, Path(place))
    if missing:
        raise ModelError(
            f"{release.name} is not complete in {place}: {missing[0]} is neither there nor at "
            f"{_address(release)}; if there are only pickles (.bin), get them with `hf download "
            f"{release.repository}` and give them with --controlnext, --unet and --allow-pickle"
        )
    return Path(place) / release.main


def _address(release: Release) -> str:
    return f"{os.environ.get('HF_ENDPOINT', HUB).rstrip('/')}/{release.repository}"


def _explain(release: Release, error: Exception) -> str:
    """What went wrong, and what to do about it, in one line."""
    from huggingface_hub.errors import (
        GatedRepoError,
        LocalEntryNotFoundError,
        OfflineModeIsEnabled,
        RepositoryNotFoundError,
    )

    what = f"cannot fetch {release.name}"
    chain = list(_chain(error))
    if any(isinstance(link, OfflineModeIsEnabled) for link in chain):
        return f"{what}: HF_HUB_OFFLINE forbids the network; unset it and try again"
    if any(isinstance(link, GatedRepoError | RepositoryNotFoundError) for link in chain):
        return f"{what}: the Hub refuses it; {release.steps or f'see {release.page}'}"
    if any(isinstance(link, LocalEntryNotFoundError | ConnectionError) for link in chain):
        return (
            f"{what}: {_address(release)} cannot be reached; with a network, the same command "
            "fetches what is not here yet"
        )
    reason = " ".join(str(error).split())[:200] or type(error).__name__
    return f"{what} from {_address(release)}: {reason}"


def _chain(error: BaseException | None) -> Iterator[BaseException]:
    while error is not None:
        yield error
        error = error.__cause__ or error.__context__


def _bars(progress: Progress) -> type[Any]:
    """A class for the Hub client's bars that draws nothing and tells the bytes."""
    from tqdm.auto import tqdm  # type: ignore[import-untyped, unused-ignore]

    class Bar(tqdm):  # type: ignore[type-arg, misc, unused-ignore]
        def __init__(self, *args: Any, **kwargs: Any) -> None:
            kwargs.pop("name", None)  # the client's own, unknown to tqdm
            super().__init__(*args, **{**kwargs, "file": io.StringIO(), "disable": False})

        def update(self, n: float | None = 1) -> bool | None:
            drawn: bool | None = super().update(n)
            if self.unit == "B" and self.total:
                progress(int(self.n), int(self.total))
            return drawn

    return Bar
