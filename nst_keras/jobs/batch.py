"""Many pictures in one go: contents times styles, one network for all."""

from collections.abc import Sequence
from pathlib import Path

from nst_keras.errors import InputError
from nst_keras.jobs.pictures import expand, stem
from nst_keras.jobs.stylize import StylizeJob


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
    contents, styles = expand(contents), expand(styles)
    blends = [[style] for style in styles] if each_style else [styles]
    pairs = [(content, blend) for content in contents for blend in blends]
    folder = not output or Path(output).is_dir()
    if len(pairs) > 1 and not folder:
        raise InputError(
            f"output: {output} must be an existing folder: {len(pairs)} pictures go there"
        )
    jobs = []
    for content, blend in pairs:
        name = f"{stem(content)}_{'_'.join(map(stem, blend))}.png"
        target = Path(output or ".", name) if folder else Path(output)
        weights = tuple(style_weights) or (1.0,) * len(blend)
        jobs.append(StylizeJob(content, tuple(blend), weights, target))
    _require_distinct([job.output for job in jobs])
    return jobs


def _require_distinct(outputs: Sequence[Path]) -> None:
    seen: set[Path] = set()
    for output in outputs:
        if output in seen:
            raise InputError(
                f"output: two pictures would be written to {output}; rename an input, or make them "
                "one at a time"
            )
        seen.add(output)
