"""Which pictures a command asks for, and whether they can be written; all of it before TensorFlow loads."""

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from nst_keras.errors import InputError
from nst_keras.io.files import check_writable
from nst_keras.io.images import WRITABLE_SUFFIXES, list_images
from nst_keras.jobs.pictures import SAMPLE


@dataclass(frozen=True)
class StylizeJob:
    """One picture to make.

    Attributes:
        content: Path or `sample:NAME`.
        styles: Paths or `sample:NAME`s, blended into one style.
        style_weights: A weight for each style.
        output: Picture to write.
    """

    content: str
    styles: tuple[str, ...]
    style_weights: tuple[float, ...]
    output: Path


def plan_jobs(
    contents: Sequence[str],
    styles: Sequence[str],
    style_weights: Sequence[float],
    output: str,
    *,
    each_style: bool,
) -> list[StylizeJob]:
    """Lists the pictures to make; folders stand for all pictures in them.

    Args:
        contents: Files, folders or `sample:NAME`s.
        styles: The same. They are blended, or with `each_style` used one after the other.
        style_weights: One for each style of a blend; none for equal weights.
        output: The picture to write, or a folder; "" is `CONTENT_STYLE.png` in this folder.
        each_style: Makes a picture for each style instead of a blend.

    Raises:
        InputError: If two pictures would get the same name, or several would go into one file.
    """
    contents, styles = _expand(contents), _expand(styles)
    blends = [[style] for style in styles] if each_style else [styles]
    pairs = [(content, blend) for content in contents for blend in blends]
    folder = not output or Path(output).is_dir()
    if len(pairs) > 1 and not folder:
        raise InputError(f"output: {output} must be an existing folder: {len(pairs)} pictures go there")
    jobs = []
    for content, blend in pairs:
        name = f"{_stem(content)}_{'_'.join(map(_stem, blend))}.png"
        target = Path(output or ".", name) if folder else Path(output)
        weights = tuple(style_weights) or (1.0,) * len(blend)
        jobs.append(StylizeJob(content, tuple(blend), weights, target))
    _require_distinct([job.output for job in jobs])
    return jobs


def check_job(job: StylizeJob) -> None:
    """Finds out what is missing or can't be written.

    Raises:
        InputError: If an input isn't there, or the output would replace one or can't be written.
    """
    if job.output.suffix.lower() not in WRITABLE_SUFFIXES:
        raise InputError(f"output: {job.output}: the suffix must be one of {', '.join(WRITABLE_SUFFIXES)}")
    for role, name in (("content", job.content), *(("style", style) for style in job.styles)):
        if name.startswith(SAMPLE):
            continue
        if not os.path.exists(name):
            raise InputError(f"{role}: {name}: there is no such file")
        if os.path.realpath(name) == os.path.realpath(job.output):
            raise InputError(f"output: {job.output} is also an input and would be overwritten")
    check_writable(job.output)


def _expand(names: Sequence[str]) -> list[str]:
    """Replaces each folder by the pictures in it."""
    expanded: list[str] = []
    for name in names:
        if os.path.isdir(name):
            expanded += [str(path) for path in list_images(name)]
        else:
            expanded.append(name)
    return expanded


def _stem(name: str) -> str:
    """Short name of a picture, for building file names."""
    return Path(name.removeprefix(SAMPLE)).stem


def _require_distinct(outputs: Sequence[Path]) -> None:
    seen: set[Path] = set()
    for output in outputs:
        if output in seen:
            raise InputError(
                f"output: two pictures would be written to {output}; rename an input, or make them "
                "one at a time"
            )
        seen.add(output)
