"""Rows become jobs: defaults, globs, products, and words that the command knows."""

from __future__ import annotations

from pathlib import Path

import pytest

from animate.batch.expand import expand
from animate.batch.jobs import Job, Problem
from animate.batch.manifest import read_manifest
from tests.animate.batch.conftest import Write


def jobs_of(path: Path, *extra: str) -> tuple[Job, ...]:
    jobs, problems = expand(read_manifest(path), extra)
    assert not problems
    return jobs


def problem_of(path: Path) -> Problem:
    jobs, problems = expand(read_manifest(path))
    assert not jobs
    [problem] = problems
    return problem


def test_references_times_drivings(write: Write, tmp_path: Path) -> None:
    text = '- {drivings: "v/*.mp4", refs: [a.png, b.png], out: "o/{ref}/{driving}.mp4"}'
    jobs = jobs_of(write("jobs.yaml", text, "v/x.mp4", "v/y.mp4"))
    outputs = [str(Path(job.output).relative_to(tmp_path)) for job in jobs]
    assert outputs == ["o/a/x.mp4", "o/b/x.mp4", "o/a/y.mp4", "o/b/y.mp4"]
    assert {job.driving for job in jobs} == {str(tmp_path / "v" / n) for n in ("x.mp4", "y.mp4")}


def test_brackets_of_the_lists_own_folder_are_no_pattern(tmp_path: Path) -> None:
    home = tmp_path / "[2026] films"
    (home / "v").mkdir(parents=True)
    (home / "v" / "x1.mp4").touch()
    (home / "jobs.yaml").write_text('- {driving: "v/x[0-9].mp4", ref: a.png}')
    [job] = jobs_of(home / "jobs.yaml")
    assert job.driving == str(home / "v" / "x1.mp4")


def test_words_replace_defaults_and_the_row_replaces_both(write: Write) -> None:
    text = "defaults: {steps: 2, seed: 5}\njobs: [{driving: a.mp4, ref: b.png, steps: 3}]"
    [job] = jobs_of(write("jobs.yaml", text), "seed=6", "frames=4", "steps=4")
    assert (job.settings.steps, job.settings.seed, job.settings.frames) == (3, 6, 4)


def test_values_are_read_as_the_command_reads_them(write: Write, tmp_path: Path) -> None:
    text = (
        "- {driving: a.mp4, ref: b.png, guidance: 1:3, size: 64x96, person: '3,4', cache: false,"
        " no-audio: yes, eval: true, halves_apart: false, lora: [c:0.5, d],"
        " save-poses: '{driving}.npz'}"
    )
    [job] = jobs_of(write("jobs.yaml", text))
    options = job.options
    assert (options.guidance, options.size, options.person) == ((1, 3), (64, 96), (3, 4))
    assert (options.cache, options.no_audio, options.eval) == (False, True, True)
    assert options.halves_apart is False
    assert options.lora == [(str(tmp_path / "c"), 0.5), (str(tmp_path / "d"), 1.0)]
    assert options.save_poses == tmp_path / "a.npz"


@pytest.mark.parametrize(
    ("row", "told"),
    [
        ("ref: b.png", "driving is missing"),
        ("driving: a.mp4, ref: b.png, stepz: 3", "did you mean steps"),
        ("driving: a.mp4, ref: b.png, force: true", "unknown key force"),
        ("driving: a.mp4, ref: b.png, compare: maybe", "true or false"),
        ("driving: a.mp4, ref: b.png, steps: [1, 2]", "one value"),
        ("driving: '*.mov', ref: b.png", "no file has such a name"),
        ("driving: a.mp4, drivings: c.mp4, ref: b.png", "mean the same"),
        ("driving: a.mp4, ref: b.png, out: '{line}.mp4'", "is unknown"),
        ("driving: a.mp4, ref: b.png, out: '{ref.__class__}.mp4'", "is unknown"),
        ("driving: a.mp4, ref: b.png, out: '../../{ref}.mp4'", "leads out of"),
    ],
)
def test_a_line_that_gives_no_job_says_why(write: Write, row: str, told: str) -> None:
    problem = problem_of(write("jobs.yaml", f"\n- {{{row}}}"))
    assert problem.line == 2
    assert told in problem.text


def test_two_jobs_never_write_one_file(write: Write) -> None:
    text = "- {driving: v/a.mp4, ref: b.png}\n- {driving: w/a.mp4, ref: ./b.png}"
    jobs, problems = expand(read_manifest(write("jobs.yaml", text)))
    assert len(jobs) == 1
    assert problems[0].line == 2
    assert "line 1" in problems[0].text


def test_a_name_with_brackets_is_that_file(write: Write, tmp_path: Path) -> None:
    [job] = jobs_of(write("jobs.csv", "driving,ref\na[1].mp4,b.png", "a[1].mp4"))
    assert job.driving == str(tmp_path / "a[1].mp4")


@pytest.mark.parametrize("name", ["...mp4", "..mp4"])
def test_no_placeholder_is_filled_with_a_way_up(write: Write, name: str) -> None:
    path = write("jobs.csv", f"driving,ref,out\n{name},b.png,/x/{{driving}}/a.mp4\n", name)
    assert "another folder" in problem_of(path).text


def test_a_relative_output_goes_through_no_link_that_leads_out(
    write: Write, tmp_path: Path
) -> None:
    for folder in ("work/inside", "elsewhere"):
        (tmp_path / folder).mkdir(parents=True)
    (tmp_path / "work" / "out").symlink_to(tmp_path / "elsewhere")
    (tmp_path / "work" / "in").symlink_to("inside")
    head = "driving,ref,out\na.mp4,b.png,"
    assert "through a link" in problem_of(write("work/bad.csv", f"{head}out/new/a.mp4\n")).text
    assert jobs_of(write("work/good.csv", f"{head}in/a.mp4\n"))
    assert jobs_of(write("work/whole.csv", f"{head}{tmp_path}/work/out/a.mp4\n"))
