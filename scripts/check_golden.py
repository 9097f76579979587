"""Check the project against a folder of golden cases: python scripts/check_golden.py FOLDER

Prints one line per case, with the comparison that comes closest to its tolerance (differences
are relative where the tolerance is). Exit code 0 only if everything compared holds; cases that the
project does not cover yet are listed, and fail with --all.
"""

from __future__ import annotations

import argparse
import importlib
import sys
import traceback
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from golden.report import Row

# Path of a case below the folder -> module and function that check it; first match counts.
CHECKS = {
    "cross_norm": "modules.check_cross_norm",
    "control_module": "modules.check_control_module",
    "svd_pipeline/windows": "pipelines.check_windows",
    "svd_pipeline": "pipelines.check_svd",
    "sdxl_pipeline": "pipelines.check_unet",
    "sd15_pipeline": "pipelines.check_unet",
    "state_dict_keys": "names.check_names",
    "latency_facts": "latency.check_latency",
    "pose_draw": "poses.check_drawing",
    "pose_align": "poses.check_alignment",
}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path, help="folder of golden cases, or one case in it")
    parser.add_argument("--all", action="store_true", help="fail on cases not covered yet")
    parser.add_argument("--only", default="", metavar="TEXT", help="cases with TEXT in their path")
    parser.add_argument("--verbose", action="store_true", help="a line per compared quantity")
    asked = parser.parse_args()
    manifests = sorted(asked.folder.resolve().rglob("manifest.json"))
    cases = [manifest.parent for manifest in manifests if asked.only in str(manifest.parent)]
    if not cases:
        parser.error(f"no golden cases in {asked.folder}")
    # The project need not be installed.
    sys.path[:0] = [str(Path(__file__).parent), str(Path(__file__).parent.parent)]
    print(f"{'case':<38} {'difference':>10} {'tolerance':>9}  result")
    rows = [row for case in cases for row in report(case, asked.verbose)]
    failed = [row for row in rows if row.ok is False]
    left = [row for row in rows if row.ok is None]
    held = len(rows) - len(failed) - len(left)
    print(f"{len(cases)} cases: {held} comparisons held, ", end="")
    print(f"{len(failed)} failed, {len(left)} not covered")
    return 1 if failed or (asked.all and left) else 0


def report(case: Path, verbose: bool) -> list[Row]:
    """Check a case, print its lines and return every comparison made."""
    from golden.report import line, summary

    name = next((key for key in CHECKS if _matches(case, key)), case.name)
    name = name if name.endswith(case.name) else f"{name}/{case.name}"
    rows = check(case)
    lines = [f"  {line(row)}" for row in rows] if verbose else []
    print("\n".join([*map(line, summary(name, rows)), *lines]), flush=True)
    return rows


def check(case: Path) -> list[Row]:
    """Check one case folder; a check that breaks is a row that failed."""
    from golden.report import Row, uncovered

    target = next((CHECKS[key] for key in CHECKS if _matches(case, key)), None)
    if target is None:
        return [uncovered("everything")]
    import torch

    module, function = target.split(".")
    rows: list[Row] = []
    try:
        with torch.no_grad():
            for row in getattr(importlib.import_module(f"golden.{module}"), function)(case):
                rows.append(row)
    except Exception as error:
        traceback.print_exc()
        rows.append(Row(name="broke", ok=False, note=f"{type(error).__name__}: {error}"))
    return rows


def _matches(case: Path, key: str) -> bool:
    parts = tuple(key.split("/"))
    return any(case.parts[-len(parts) - end : len(case.parts) - end] == parts for end in (0, 1))


if __name__ == "__main__":
    sys.exit(main())
