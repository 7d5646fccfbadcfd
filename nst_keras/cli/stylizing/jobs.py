"""Which pictures and videos nst-stylize is to make, and by which settings."""

from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

from absl import flags

from nst_keras.cli import field_flags
from nst_keras.cli.stylizing.flags import FLAGS, NO_VIDEOS, Inputs
from nst_keras.console.console import say
from nst_keras.errors import InputError
from nst_keras.fields import Settings, recorded_settings
from nst_keras.pictures.images import WRITABLE_SUFFIXES
from nst_keras.pictures.plan import StylizeJob, check_job, plan_jobs
from nst_keras.pictures.record import Records
from nst_keras.pictures.settings import FileSettings
from nst_keras.pictures.videos.video import is_video, require_video
from nst_keras.pictures.videos.writers import GIF, WRITABLE_VIDEO_SUFFIXES

_Kind = TypeVar("_Kind", bound=Settings)


def jobs_of(
    record: dict[str, Any], other_inputs: list[str], *, named_styles: bool = False, suffix: str = ".png"
) -> list[StylizeJob]:
    """What flags ask for, on top of what is repeated."""
    inputs = field_flags.parsed(Inputs, FLAGS)
    return plan_jobs(
        inputs.content or [record["content"]],
        inputs.style or record["styles"],
        inputs.style_weights or (() if inputs.style else record["style_weights"]),
        inputs.output,
        each_style=inputs.each_style,
        other_inputs=other_inputs,
        named_styles=named_styles,
        suffix=suffix,
        file=field_flags.parsed(FileSettings, FLAGS),
        content_mask=inputs.content_mask or record.get("content_mask", ""),
        style_masks=inputs.style_mask or (() if inputs.style else record.get("style_masks", ())),
    )


def videos_of(record: dict[str, Any]) -> list[str]:
    """Contents that are videos; of an animated GIF a picture may be wanted, which is its first one."""
    inputs = field_flags.parsed(Inputs, FLAGS)
    videos = filter(is_video, inputs.content or [record["content"]])
    picture = _suffix(inputs.output) in WRITABLE_SUFFIXES
    return [name for name in videos if not (picture and _suffix(name) == GIF)]


def video_jobs(record: dict[str, Any], other_input: str, *, named_styles: bool = False) -> list[StylizeJob]:
    """The same if it is videos, and nothing else; they are checked."""
    for name in NO_VIDEOS:
        if FLAGS[name].present:
            raise flags.IllegalFlagValueError(f"--{name} works with pictures only, not with videos")
    videos = videos_of(record)
    ending = GIF if {_suffix(name) for name in videos} == {GIF} else ".mp4"
    others = [FLAGS["from"].value or "", other_input]
    jobs = jobs_of(record, others, named_styles=named_styles, suffix=ending)
    if pictures := {job.content for job in jobs} - {*videos}:
        raise flags.Error(f"--content: {min(pictures)} is no video, as others are: paint pictures apart")
    for job in jobs:
        check_job(job, suffixes=WRITABLE_VIDEO_SUFFIXES)
    if len(jobs) == 1:  # a bad one of several is told when its turn comes
        require_video(jobs[0].content)
    return jobs


def unfinished(jobs: list[StylizeJob], records: Callable[[], Records]) -> list[StylizeJob]:
    """Those jobs whose pictures aren't there yet; tells of the others, before TensorFlow loads."""
    if not any(job.output.exists() for job in jobs):
        return jobs
    known = records()
    done = [job for job in jobs if known.is_made(job)]
    for job in done:
        say(f"{job.output} is done already")
    return [job for job in jobs if job not in done]


def parsed(kind: type[_Kind], base: dict[str, Any]) -> _Kind:
    """The settings of a picture that is repeated, of a preset, or of neither, with the flags on top."""
    try:
        defaults = recorded_settings(kind, base).to_dict() if base else {}
    except InputError as error:
        raise InputError(f"the picture's settings are of another version: {error}") from error
    return field_flags.parsed(kind, FLAGS, **defaults)


def _suffix(name: str) -> str:
    return Path(name).suffix.lower()
