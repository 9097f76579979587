"""Names and links that lead out of the folder where results belong."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from tests.hostile.corpus import CASES, SAMPLES

DANCE, HERO = SAMPLES / "dance.mp4", SAMPLES / "hero.png"


def list_case(name: str, row: str, arrange: Callable[[Path], None] = lambda folder: None) -> None:
    """One job in work/, beside which lies elsewhere/, that nobody may touch."""

    def build(folder: Path) -> list[str]:
        work = laid_out(folder)
        arrange(work)
        line = row.replace("FOLDER", str(folder))
        (work / "jobs.csv").write_text(f"driving,ref,out\n{line}\n")
        return ["batch", str(work / "jobs.csv")]

    CASES[f"batch: {name}"] = build


def link_case(name: str, arrange: Callable[[Path], None], *words: str) -> None:
    """A good job, beside which somebody has laid links."""

    def build(folder: Path) -> list[str]:
        work = laid_out(folder)
        arrange(work)
        (work / "jobs.csv").write_text(f"driving,ref,out\n{DANCE},{HERO},a.mp4\n")
        return [word.replace("WORK", str(work)) for word in words]

    CASES[f"links: {name}"] = build


def laid_out(folder: Path) -> Path:
    """work/ with empty inputs of awkward names, and elsewhere/ with something precious."""
    work, elsewhere = folder / "work", folder / "elsewhere"
    work.mkdir(exist_ok=True)
    elsewhere.mkdir(exist_ok=True)
    (elsewhere / "precious").write_text("mine")
    for name in ("...mp4", "..mp4", "hero.png"):
        (work / name).write_bytes(b"")
    return work


def link(at: Path, to: str) -> None:
    at.parent.mkdir(parents=True, exist_ok=True)
    if not at.is_symlink():
        at.symlink_to(to)


list_case("an output above", f"{DANCE},{HERO},../elsewhere/a.mp4")
list_case("an output above, by a detour", f"{DANCE},{HERO},a/b/../../../elsewhere/a.mp4")
list_case("a pattern above", f"{DANCE},{HERO},../{{driving}}.mp4")
list_case("a driving film named ...mp4", f"...mp4,{HERO},{{driving}}/a.mp4")
list_case("a driving film named ..mp4", f"..mp4,{HERO},x/{{driving}}/a.mp4")
list_case(
    "an absolute pattern and a film named ...mp4", f"...mp4,{HERO},FOLDER/work/{{driving}}/a.mp4"
)
list_case("an attribute in a pattern", f"{DANCE},{HERO},{{driving.__class__}}.mp4")
list_case("a home folder", f"{DANCE},{HERO},~nobody_at_all/../a")
list_case("an output's folder that is a link", f"{DANCE},{HERO},results/a.mp4",
          lambda work: link(work / "results", "../elsewhere"))  # fmt: skip
list_case("a link deeper in", f"{DANCE},{HERO},x/y/new/a.mp4",
          lambda work: link(work / "x" / "y", "../../elsewhere"))  # fmt: skip
list_case("a null in a name", f"{DANCE},{HERO},a\0.mp4")
list_case("a folder as an output", f"{DANCE},{HERO},.")
list_case("a system's file", f"{DANCE},{HERO},/proc/self/a.mp4")
list_case("a URL of a file", f"{DANCE},{HERO},nothing://elsewhere/a.mp4")

BATCH = ("batch", "WORK/jobs.csv")
SINGLE = (str(DANCE), "--ref", str(HERO), "-o", "WORK/a.mp4", "--frames", "2")
STATE, JOURNAL = ".jobs.batch", ".a.mp4.journal"
link_case("the batch's state", lambda work: link(work / STATE, "../elsewhere"), *BATCH)
link_case("the batch's poses", lambda work: link(work / STATE / "poses", "../../elsewhere"), *BATCH)
link_case(
    "the batch's lock", lambda work: link(work / STATE / "lock", "../../elsewhere/precious"), *BATCH
)
link_case(
    "a worker's log",
    lambda work: link(work / STATE / "scratch" / "worker_0.log", "../../../elsewhere/precious"),
    *BATCH,
)
link_case("a journal", lambda work: link(work / JOURNAL, "../elsewhere"), *SINGLE)
link_case(
    "a journal's lock",
    lambda work: link(work / JOURNAL / "lock", "../../elsewhere/precious"),
    *SINGLE,
)
link_case("a journal's next note",
          lambda work: link(work / JOURNAL / "inputs.json.partial", "../../elsewhere/precious"),
          "call", "take_journal", f"WORK/{JOURNAL}")  # fmt: skip
link_case("a data set's notes", lambda work: link(work / "set" / ".prepare", "../../elsewhere"),
          "prepare", str(DANCE), "-o", "WORK/set")  # fmt: skip
