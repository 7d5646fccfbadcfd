"""Jobs as workers get them: plain values, from which the same job is made again; and the files of a job."""

from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

from nst_keras.pictures.plan import StylizeJob
from nst_keras.studio.requested import Planned

TRACE_FILE, PREVIEW_FILE = "trace.jsonl", "preview.jpg"

_TUPLES = ("styles", "style_weights", "style_masks")


def task_of(planned: Planned) -> dict[str, Any]:
    """What a worker needs to paint what was planned."""
    job = {**asdict(planned.job), "output": str(planned.job.output)}
    del job["file"], job["other_inputs"], job["new_folder"]  # as they are unless said otherwise
    return {"job": job, "settings": planned.settings.to_dict(), "stylizer": planned.stylizer}


def job_of(task: Mapping[str, Any]) -> StylizeJob:
    """The job of a task."""
    job = task["job"]
    tuples = {name: tuple(job[name]) for name in _TUPLES}
    return StylizeJob(**{**job, **tuples, "output": Path(job["output"])})
