from __future__ import annotations

import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
SCRIPT = HERE.parent.parent / "scripts" / "check_golden.py"


def check(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, str(SCRIPT), *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def test_the_copied_cases_hold() -> None:
    done = check(HERE)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "0 failed" in done.stdout


def test_the_shared_cases_hold(shared: Path) -> None:
    done = check(shared / "golden")
    assert done.returncode == 0, done.stdout + done.stderr


def test_a_changed_number_fails(tmp_path: Path) -> None:
    source = HERE / "cross_norm" / "svd_v2"
    case = tmp_path / "cross_norm" / "svd_v2"
    case.mkdir(parents=True)
    manifest = (source / "manifest.json").read_text().replace("<= 1e-5", "<= 1e-12")
    (case / "manifest.json").write_text(manifest)
    (case / "data.safetensors").write_bytes((source / "data.safetensors").read_bytes())
    done = check(tmp_path)
    assert done.returncode == 1
    assert "FAILED" in done.stdout


def test_unknown_cases_fail_only_with_all(tmp_path: Path) -> None:
    case = tmp_path / "something_new"
    case.mkdir()
    (case / "manifest.json").write_text("{}")
    assert "not covered" in check(tmp_path).stdout
    assert check(tmp_path).returncode == 0
    assert check(tmp_path, "--all").returncode == 1


def test_a_folder_without_cases_is_an_error(tmp_path: Path) -> None:
    assert check(tmp_path).returncode == 2
