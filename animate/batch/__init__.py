"""Jobs by the hundred, on one machine or many, with nothing lost.

Contents
    Job, Problem                 one clip to make; a line that gives none       jobs
    read_manifest                YAML, JSON Lines, CSV -> rows                  manifest
    expand                       defaults, globs, products -> jobs              expand
    check_jobs                   every file opened, every option checked        check
    Record                       what is remembered of one job                  record
    Store                        where every job stands, in SQLite              store
    Worker                       tracks and makes, with the model kept          worker
    Batch                        which task next, and what if one fails         run
    read_jobs, run_jobs          from a list to its results                     session
    write_report                 what came out, what to look at first           report
    engines                      processes of this machine, or a Ray cluster
"""

from __future__ import annotations

from animate.batch.jobs import Job, Problem
from animate.batch.session import read_jobs, run_jobs

__all__ = ["Job", "Problem", "read_jobs", "run_jobs"]
