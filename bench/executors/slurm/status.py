"""What became of the submissions to SLURM, for `status`: told by records and by the queue, whoever submitted them."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from bench.executors.slurm.cluster import QueuedJob, QueueError, SlurmCluster
from bench.executors.slurm.submission import Submission, live, submissions
from bench.store import Store


@dataclass(frozen=True)
class SubmissionState:
    """A submission that has jobs, or cells without a record."""

    submission: Submission
    folder: Path
    ended: int
    """Cells that have left a record, failed ones included."""
    jobs: list[QueuedJob] | None
    """Those that wait or run; None: not known."""

    def as_json(self) -> dict[str, Any]:
        return {
            **self.submission.model_dump(mode="json", exclude={"cells"}),
            "folder": str(self.folder),
            "cells": len(self.submission.cells),
            "ended": self.ended,
            "jobs": None if self.jobs is None else [asdict(job) for job in self.jobs],
        }


def submission_states(store: Store) -> tuple[list[SubmissionState], str | None]:
    """Of every submission that is not over and done; and why the queue is not known, if it is not."""
    found = submissions(store)
    unknown = None
    try:
        queue = SlurmCluster().queue([each.name for each in found])
        living = {each.name: each for each in live(found, queue)}
        found = [living.get(each.name, each) for each in found]
    except QueueError as error:
        queue, unknown = None, str(error)
    states = []
    for each in found:
        jobs = None if queue is None else [job for job in queue if job.name == each.name]
        ended = len(each.cells) - len(each.open_cells(store))
        if jobs or ended < len(each.cells):
            states.append(SubmissionState(each, each.folder(store), ended, jobs))
    return states, unknown
