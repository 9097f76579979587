"""Model files of the pose estimators: where they lie, and how to get them."""

from __future__ import annotations

import os
import zipfile
import zlib
from collections.abc import Iterator
from pathlib import Path, PurePosixPath

from pose.catalogue import HUB, MODELS, SETS, ModelFile
from pose.download import CHUNK, Progress, download
from pose.errors import ModelFetchError
from pose.places import cache_home

FOLDERS_VARIABLE = "ANIMATE_MODELS"  # folders of model files, separated as in PATH
LARGEST = 4 << 30  # bytes of a file in an archive


def find_models(name: str) -> tuple[ModelFile, ...]:
    """The files that a name of MODELS or SETS stands for. Raises ModelFetchError."""
    known = {model.name: model for model in MODELS}
    wanted = SETS.get(name, (name,))
    if not set(wanted) <= set(known):
        raise ModelFetchError(f"unknown model {name!r}; known: {', '.join([*SETS, *known])}")
    return tuple(known[one] for one in wanted)


def user_folder() -> Path:
    """Where fetched models go: the first of ANIMATE_MODELS, else the user's cache folder."""
    return next(_named_folders(), cache_home() / "animate" / "models")


def locate(name: str, folder: str | os.PathLike[str] | None = None) -> Path | None:
    """The local file of one model, None if it is not here.

    Searched are `folder` alone if it is given; else the folders in ANIMATE_MODELS, the user's
    cache folder, rtmlib's cache and that of the Hugging Face Hub. Raises ModelFetchError for an
    unknown name.
    """
    (model,) = find_models(name)
    folders = [Path(folder)] if folder is not None else list(_folders())
    for place in folders:
        path = place / model.file
        if path.is_file() and path.stat().st_size:
            return path
    return None if folder is not None else _in_hub_cache(model)


def fetch(
    name: str,
    folder: str | os.PathLike[str] | None = None,
    *,
    progress: Progress | None = None,
    timeout: float = 30.0,
) -> list[Path]:
    """Get the files of a model or set that are not here yet, and say where all of them lie.

    folder: where to put them (default: user_folder()), and then also where to look. progress is
    called with bytes done and bytes in all (0 if unknown) of one file after the other. Raises
    ModelFetchError.
    """
    target = Path(folder) if folder is not None else user_folder()
    return [
        locate(model.name, folder) or fetch_file(model, target, progress=progress, timeout=timeout)
        for model in find_models(name)
    ]


def fetch_file(
    model: ModelFile,
    folder: Path,
    *,
    progress: Progress | None = None,
    timeout: float = 30.0,
    pause: float = 1.0,
) -> Path:
    """Download one file into a folder, out of its archive if it is served in one."""
    path = folder / model.file
    served = path if model.member is None else path.with_suffix(".zip")
    hub = os.environ.get("HF_ENDPOINT", HUB).rstrip("/")  # as for huggingface_hub
    download(
        [url.replace(HUB, hub) for url in model.urls],
        served,
        sha256=model.sha256,
        size=model.size,
        progress=progress,
        timeout=timeout,
        pause=pause,
    )
    if model.member is not None:
        _unpack(served, model.member, path)
        served.unlink()
    return path


def _unpack(archive: Path, member: str, path: Path) -> None:
    """Write the one file of this name in the archive, wherever it lies there, to `path`."""
    partial = path.with_name(path.name + ".partial")
    try:
        with zipfile.ZipFile(archive) as files:
            found = [one for one in files.infolist() if PurePosixPath(one.filename).name == member]
            if len(found) != 1 or found[0].file_size > LARGEST:
                raise ModelFetchError(
                    f"{archive} is not the right archive: expected one {member} of at most "
                    f"{LARGEST >> 30} GB in it, got {len(found)}; delete it and fetch again"
                )
            with files.open(found[0]) as source, partial.open("wb") as target:
                while block := source.read(CHUNK):
                    target.write(block)
        os.replace(partial, path)
    except (zipfile.BadZipFile, zlib.error, OSError, RuntimeError) as error:
        archive.unlink(missing_ok=True)
        raise ModelFetchError(f"{archive} cannot be unpacked: {error}; fetch it again") from error
    finally:
        partial.unlink(missing_ok=True)


def _folders() -> Iterator[Path]:
    yield from _named_folders()
    yield cache_home() / "animate" / "models"
    home = os.environ.get("TORCH_HOME") or f"{_xdg_cache()}/rtmlib"  # as its tools/file.py has it
    yield Path(home).expanduser() / "hub" / "checkpoints"


def _named_folders() -> Iterator[Path]:
    for folder in os.environ.get(FOLDERS_VARIABLE, "").split(os.pathsep):
        if folder:
            yield Path(folder).expanduser()


def _xdg_cache() -> str:
    """The folder for caches on every system, in the eyes of rtmlib and the Hub's client."""
    return os.environ.get("XDG_CACHE_HOME") or "~/.cache"


def _in_hub_cache(model: ModelFile) -> Path | None:
    if model.repository is None:
        return None
    home = os.environ.get("HF_HOME") or f"{_xdg_cache()}/huggingface"
    folder = Path(os.environ.get("HF_HUB_CACHE") or f"{home}/hub").expanduser()
    if not (folder / f"models--{model.repository.replace('/', '--')}").is_dir():
        return None  # nothing is there: spare the import, which takes half a second
    from huggingface_hub import try_to_load_from_cache

    path = try_to_load_from_cache(model.repository, model.file, cache_dir=folder)
    return Path(path) if isinstance(path, str) else None
