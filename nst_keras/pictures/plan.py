"""Which pictures a command asks for, and whether they can be written; all of it before TensorFlow loads."""

import os
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from nst_keras.errors import InputError
from nst_keras.fields import Bounds
from nst_keras.pictures.images import WRITABLE_SUFFIXES, list_images, read_settings, require_depth
from nst_keras.pictures.samples import CONTENTS, SAMPLE, STYLES
from nst_keras.pictures.settings import FileSettings, JobOptions
from nst_keras.pictures.videos.writers import WRITABLE_VIDEO_SUFFIXES
from nst_keras.storage.files import check_writable
from nst_keras.storage.folders import make_folder

_SUFFIXES = WRITABLE_SUFFIXES + WRITABLE_VIDEO_SUFFIXES


@dataclass(frozen=True)
class StylizeJob:
    """One picture to make."""

    content: str  # path or `sample:NAME`
    styles: tuple[str, ...]  # likewise, blended into one style
    style_weights: tuple[float, ...]  # one for each style
    output: Path  # picture to write
    other_inputs: tuple[str, ...] = ()  # further files that must not be overwritten
    named_styles: bool = False  # whether styles are names that a stylizer knows, instead of pictures
    new_folder: bool = False  # whether the output's folder is still to be made
    file: FileSettings = field(default_factory=FileSettings)
    content_mask: str = ""  # picture of the content's regions, see `pictures.masks`
    style_masks: tuple[str, ...] = ()  # a colour, or a picture, for each style

    def make_folder(self) -> None:
        """Makes the output's folder if it is a new one; to be called before the first file is written."""
        if self.new_folder:
            make_folder(self.output.parent, "output")


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
    file: FileSettings = FileSettings(),
    content_mask: str = "",
    style_masks: Sequence[str] = (),
) -> list[StylizeJob]:
    """Lists the pictures to make; folders stand for the pictures in them, but for those that we made.

    Styles are blended, with equal weights if none are listed, or used one after the other with `each_style`.
    The output is a picture to write, or a folder: one that exists, ends in a slash or takes several pictures.
    "" is `CONTENT_STYLE.png`, or with another suffix, in this folder. The rest is as in `StylizeJob`.
    """
    contents, styles = _expand(contents), list(styles) if named_styles else _expand(styles)
    blends = [[style] for style in styles] if each_style else [styles]
    pairs = [(content, blend) for content in contents for blend in blends]
    exists, slash = not output or os.path.isdir(output), output.endswith(("/", os.sep))
    folder = exists or slash or len(pairs) > 1
    if folder and not (exists or slash) and Path(output).suffix.lower() in _SUFFIXES:
        raise InputError(f"output: {output} must be a folder: {len(pairs)} pictures go there")
    jobs: dict[Path, StylizeJob] = {}
    for content, blend in pairs:
        name = f"{_stem(content)}_{'_'.join(map(_stem, blend))}{suffix}"
        target = Path(output or ".", name) if folder else Path(output)
        weights = blend_weights(style_weights, len(blend))
        others = tuple(filter(None, other_inputs))
        if target in jobs:
            remedy = "rename an input, or make them one at a time"
            raise InputError(f"output: two pictures would be written to {target}; {remedy}")
        jobs[target] = StylizeJob(
            content,
            tuple(blend),
            weights,
            target,
            others,
            named_styles,
            new_folder=folder and not exists,
            file=file,
            content_mask=content_mask,
            style_masks=tuple(style_masks),
        )
    return list(jobs.values())


def blend_weights(weights: Sequence[float], num_styles: int) -> tuple[float, ...]:
    """The weights of blended styles: one for each, finite, from 0, not all 0; none stand for equal ones."""
    weights = tuple(weights) or (1.0,) * num_styles
    if num_styles < 1 or len(weights) != num_styles:
        received = f"{len(weights)} weights for {num_styles} style images"
        raise InputError(f"style_weights must have one weight for each style image. Received: {received}")
    if not all(weight in Bounds() for weight in weights) or not any(weights):
        expected = "style_weights must be finite, at least 0 and not all 0"
        raise InputError(f"{expected}. Received: style_weights={list(weights)}")
    return weights


def blend_shares(weights: Sequence[float], num_styles: int) -> list[float]:
    """The same, with a sum of 1."""
    weights = blend_weights(weights, num_styles)
    return [weight / sum(weights) for weight in weights]


def check_job(
    job: StylizeJob, options: JobOptions = JobOptions(), suffixes: Sequence[str] = WRITABLE_SUFFIXES
) -> None:
    """Finds out whether an input is missing, and whether what will be written replaces one or can't be.

    The output must have one of the suffixes.
    """
    if job.output.suffix.lower() not in suffixes:
        choices = f"{', '.join(suffixes)}, or a slash that ends a folder"
        raise InputError(f"output: {job.output}: the suffix must be one of {choices}")
    try:
        require_depth(job.output.suffix, int(job.file.bit_depth))
    except InputError as error:
        raise InputError(f"output: {job.output}: {error}") from error
    pictures = () if job.named_styles else job.styles
    masks = tuple(name for name in (job.content_mask, *job.style_masks) if name and Path(name).suffix)
    named = [("content", job.content), *(("style", style) for style in pictures)]
    for role, name in [*named, *(("mask", mask) for mask in masks)]:
        if not name.startswith(SAMPLE) and not os.path.exists(name):
            hint = f"; sample:{name} comes with the package" if name in CONTENTS + STYLES else ""
            raise InputError(f"{role}: {name}: there is no such file{hint}")
    targets = [job.output, checkpoint_path(job.output)]
    targets += [Path(options.trace)] if options.trace else []
    for name in (job.content, *pictures, *masks, *job.other_inputs):
        if os.path.realpath(name) in map(os.path.realpath, targets) or _is_on_the_way(Path(name), job.output):
            raise InputError(f"output: {name} is also an input and would be overwritten")
    folder = job.output.parent
    if job.new_folder and not folder.is_dir():
        existing = next(path for path in (folder, *folder.parents) if os.path.exists(path))
        targets = [existing / job.output.relative_to(existing).parts[0], *targets[2:]]
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
    """Replaces folders by the pictures in them."""
    expanded: list[str] = []
    for name in names:
        # A folder that results go into must not feed on them.
        expanded += [str(p) for p in list_images(name) if not _is_ours(p)] if os.path.isdir(name) else [name]
    return expanded


def _is_ours(path: Path) -> bool:
    try:
        read_settings(path)
    except InputError:
        return False
    return True


def _stem(name: str) -> str:
    """Short name of a picture, for building file names."""
    return Path(name.removeprefix(SAMPLE)).stem
