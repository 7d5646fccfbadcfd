"""Which pictures a command asks for, and whether they can be written; all of it before TensorFlow loads."""

import os
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from nst_keras.errors import InputError
from nst_keras.fields import FROM_ONE, Bounds, Settings, number, setting
from nst_keras.pictures.by_name import SAMPLE
from nst_keras.pictures.images import WRITABLE_SUFFIXES, list_images, read_settings
from nst_keras.storage.files import check_writable


@dataclass(frozen=True)
class StylizeJob:
    """One picture to make.

    Attributes:
        content: Path or `sample:NAME`.
        styles: Paths or `sample:NAME`s, blended into one style.
        style_weights: A weight for each style.
        output: Picture to write.
        other_inputs: Further files that must not be overwritten.
        named_styles: Whether styles are names that a stylizer knows, instead of pictures.
    """

    content: str
    styles: tuple[str, ...]
    style_weights: tuple[float, ...]
    output: Path
    other_inputs: tuple[str, ...] = ()
    named_styles: bool = False


@dataclass(frozen=True)
class JobOptions(Settings):
    """What is kept on the way."""

    resume: bool = setting(False, "Go on from the checkpoint beside the output.")
    checkpoint_every: int = number(25, "Steps between checkpoints.", FROM_ONE)
    trace: str = setting("", "File for a JSON line a step, such as trace.jsonl.")
    tensorboard_dir: str = setting("", "Folder for TensorBoard's events.")


def plan_jobs(
    contents: Sequence[str],
    styles: Sequence[str],
    style_weights: Sequence[float],
    output: str,
    *,
    each_style: bool,
    other_inputs: Sequence[str] = (),
    named_styles: bool = False,
    suffix: str = ".png",
) -> list[StylizeJob]:
    """Lists the pictures to make; folders stand for the pictures in them, but for those that we made.

    Args:
        contents: Files, folders or `sample:NAME`s.
        styles: The same. They are blended, or with `each_style` used one after the other.
        style_weights: One for each style of a blend; none for equal weights.
        output: The picture to write, or a folder; "" is `CONTENT_STYLE.png` in this folder.
        each_style: Makes a picture for each style instead of a blend.
        other_inputs: Further files that must not be overwritten.
        named_styles: Whether styles are names that a stylizer knows, instead of pictures.
        suffix: Of the outputs whose names are made up here.

    Raises:
        InputError: If two pictures would get the same name, several would go into one file, or the
            weights don't fit the styles.
    """
    contents, styles = _expand(contents), list(styles) if named_styles else _expand(styles)
    blends = [[style] for style in styles] if each_style else [styles]
    pairs = [(content, blend) for content in contents for blend in blends]
    folder = not output or Path(output).is_dir()
    if len(pairs) > 1 and not folder:
        raise InputError(f"output: {output} must be an existing folder: {len(pairs)} pictures go there")
    jobs = []
    for content, blend in pairs:
        name = f"{_stem(content)}_{'_'.join(map(_stem, blend))}{suffix}"
        target = Path(output or ".", name) if folder else Path(output)
        weights = blend_weights(style_weights, len(blend))
        others = tuple(filter(None, other_inputs))
        jobs.append(StylizeJob(content, tuple(blend), weights, target, others, named_styles))
    _require_distinct([job.output for job in jobs])
    return jobs


def blend_weights(weights: Sequence[float], num_styles: int) -> tuple[float, ...]:
    """The weights of blended styles: one for each; none stand for equal ones.

    Raises:
        InputError: If there isn't one for each style, or one isn't finite or negative, or all are 0.
    """
    weights = tuple(weights) or (1.0,) * num_styles
    if num_styles < 1 or len(weights) != num_styles:
        raise InputError(
            "style_weights must have one weight for each style image. Received: "
            f"{len(weights)} weights for {num_styles} style images"
        )
    if not all(weight in Bounds() for weight in weights) or not any(weights):
        raise InputError(
            f"style_weights must be finite, at least 0 and not all 0. Received: style_weights={list(weights)}"
        )
    return weights


def blend_shares(weights: Sequence[float], num_styles: int) -> list[float]:
    """The same, with a sum of 1."""
    weights = blend_weights(weights, num_styles)
    return [weight / sum(weights) for weight in weights]


def check_job(
    job: StylizeJob, options: JobOptions = JobOptions(), suffixes: Sequence[str] = WRITABLE_SUFFIXES
) -> None:
    """Finds out what is missing or can't be written.

    Args:
        job: What is to be made.
        options: What is to be kept on the way.
        suffixes: Those that the output may have.

    Raises:
        InputError: If an input isn't there, or a file that will be written would replace an input or
            can't be written.
    """
    if job.output.suffix.lower() not in suffixes:
        raise InputError(f"output: {job.output}: the suffix must be one of {', '.join(suffixes)}")
    pictures = () if job.named_styles else job.styles
    for role, name in (("content", job.content), *(("style", style) for style in pictures)):
        if not name.startswith(SAMPLE) and not os.path.exists(name):
            hint = " (names are for stylizers trained on named styles)" if role == "style" else ""
            raise InputError(f"{role}: {name}: there is no such file{hint}")
    targets = [job.output, checkpoint_path(job.output)]
    targets += [Path(options.trace)] if options.trace else []
    for name in (job.content, *pictures, *job.other_inputs):
        if os.path.realpath(name) in map(os.path.realpath, targets) or _is_on_the_way(Path(name), job.output):
            raise InputError(f"output: {name} is also an input and would be overwritten")
    for target in targets:
        check_writable(target)


def checkpoint_path(output: Path) -> Path:
    """Where the checkpoint of a picture lies."""
    return output.with_name(output.name + ".checkpoint.npz")


def path_on_the_way(output: Path, step: int, num_steps: int) -> Path:
    """Where the picture after some steps is kept."""
    return output.with_name(f"{output.stem}_{step:0{len(str(num_steps))}d}{output.suffix}")


def _is_on_the_way(path: Path, output: Path) -> bool:
    name = re.fullmatch(re.escape(output.stem) + r"_\d+" + re.escape(output.suffix), path.name)
    return name is not None and os.path.realpath(path.parent) == os.path.realpath(output.parent)


def _expand(names: Sequence[str]) -> list[str]:
    """Replaces each folder by the pictures in it."""
    expanded: list[str] = []
    for name in names:
        if os.path.isdir(name):
            expanded += [str(path) for path in list_images(name) if not _is_ours(path)]
        else:
            expanded.append(name)
    return expanded


def _is_ours(path: Path) -> bool:
    """Whether a picture holds our settings: a folder that results go into must not feed on them."""
    try:
        read_settings(path)
    except InputError:
        return False
    return True


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
