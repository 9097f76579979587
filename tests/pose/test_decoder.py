"""The decord library leaves the process as it was."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import sysconfig
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def test_cuda_libraries_of_other_packages_stay_unloaded(tmp_path: Path) -> None:
    library = next(Path(sysconfig.get_config_var("DESTSHARED")).glob("_bisect*.so"))
    bait = tmp_path / "nvidia" / "cu13" / "lib" / "libbait.so"
    bait.parent.mkdir(parents=True)
    shutil.copy(library, bait)
    code = (
        "import sys; from pose.decoder import load_decord; load_decord(); "
        "print('libbait' in open('/proc/self/maps').read(), 'nvidia' in sys.modules)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        env={**os.environ, "PYTHONPATH": os.pathsep.join([str(ROOT), str(tmp_path)])},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.split() == ["False", "False"]
