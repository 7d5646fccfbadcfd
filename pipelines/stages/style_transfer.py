"""StyleTransfer: the optimiser over a collection, each photo in each painting's style.

A task is one picture; it keeps nst-stylize's checkpoint.
"""

import functools
import json
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from nst_keras.errors import InputError, NonFiniteLossError, require_choice
from nst_keras.fields import FROM_ONE, choice, incidental, number, setting
from nst_keras.pictures.by_name import SAMPLE, load_picture
from nst_keras.pictures.images import read_image, write_image
from nst_keras.pictures.plan import checkpoint_path
from nst_keras.storage.files import write_whole
from nst_keras.transfer.presets import PRESETS
from nst_keras.transfer.settings import INITS, StyleTransferSettings
from pipelines.engine.stage import Context, Input, Output, Stage
from pipelines.examples.collection import PAINTINGS, PHOTOS, PictureAt, find_pictures, read_picture
from pipelines.examples.parts import file_name, keep, run_tasks, write_table
from pipelines.kinds import Examples, Pictures

if TYPE_CHECKING:
    from nst_keras.transfer.descent import AnyObjective, State

PAIRS = ("all", "cycle")

_COLUMNS = ("picture", "photo", "painting")


@dataclass(frozen=True)
class StyleTransferConfig(StyleTransferSettings):
    """How pictures are made, and which."""

    pairs: str = choice("all", "Each photo in every style, or in one, by turns", PAIRS)
    styles: str = setting("", "Names of the paintings to use, by commas; empty: all of the collection.")
    vgg: str = setting("", "Weights of the network, as --vgg of nst-stylize.")
    checkpoint_every: int = incidental(number(25, "Steps between checkpoints of a picture.", FROM_ONE))
    sheet_photos: int = number(8, "Photos on the contact sheet.", FROM_ONE)
    sheet_side: int = number(256, "Longest side of the pictures on it, in pixels.", FROM_ONE)

    @classmethod
    def of_preset(cls, preset: str, **changes: Any) -> "StyleTransferConfig":
        """Returns a preset of nst-stylize with changes."""
        require_choice("preset", preset, PRESETS)
        return cls(**(PRESETS[preset].to_dict() | changes))


@dataclass(frozen=True)
class PaintingTask:
    """A picture to paint."""

    photo: PictureAt
    painting: PictureAt
    folder: Path  # where it goes, below `pictures`, with its checkpoint; and its losses, when it is done
    settings: str  # `StyleTransferSettings` as JSON
    vgg: str
    checkpoint_every: int

    @property
    def place(self) -> Path:
        """The picture's place in the folder."""
        return Path("pictures", file_name(self.painting.name), f"{file_name(self.photo.name)}.png")

    @property
    def output(self) -> Path:
        """The picture itself."""
        return self.folder / self.place


def transfer(
    config: StyleTransferConfig, context: Context, *, examples: Input[Examples], pictures: Output[Pictures]
) -> dict[str, Any]:
    """Paints a collection.

    Writes `pictures/PAINTING/PHOTO.png`, `pictures.csv` with the losses, `errors.csv` with the pictures that
    couldn't be painted and why, and `contact_sheet.jpg`.
    """
    tasks = _plan(config, context.scratch, examples)
    results = run_tasks(context, paint, tasks, "picture")
    rows: list[dict[str, Any]] = [
        {"photo": task.photo.name, "painting": task.painting.name, **result}
        for task, result in zip(tasks, results, strict=True)
    ]
    painted = [row for row in rows if "reason" not in row]
    failed = [row for row in rows if "reason" in row]
    if not painted:
        raise InputError(f"{examples.path}: no picture could be painted: {rows[0]['reason']}")
    for row in painted:
        keep(row["picture"], context.scratch, pictures.path)
    losses = [name for name in painted[0] if name not in _COLUMNS]
    write_table(pictures.path / "pictures.csv", [*_COLUMNS, *losses], painted)
    write_table(pictures.path / "errors.csv", ["photo", "painting", "reason"], failed)
    _draw_sheet(config, tasks, pictures.path)
    means = {name: sum(row[name] for row in painted) / len(painted) for name in losses}
    return {"pictures": len(painted), "errors": len(failed), **means}


def _plan(config: StyleTransferConfig, folder: Path, examples: Examples) -> list[PaintingTask]:
    photos, paintings = find_pictures(examples, PHOTOS), find_pictures(examples, PAINTINGS)
    if config.styles:
        named = {painting.name: painting for painting in paintings}
        wanted = [name.strip() for name in config.styles.split(",")]
        for name in wanted:
            require_choice("styles", name, named)
        paintings = [named[name] for name in wanted]
    if config.pairs == "all":
        pairs = [(photo, painting) for photo in photos for painting in paintings]
    else:
        pairs = [(photo, paintings[number % len(paintings)]) for number, photo in enumerate(photos)]
    settings = json.dumps(config.narrowed(StyleTransferSettings).to_dict(), sort_keys=True)
    return [PaintingTask(*pair, folder, settings, config.vgg, config.checkpoint_every) for pair in pairs]


def paint(task: PaintingTask) -> dict[str, Any]:
    """Paints a picture unless it is done; gives "picture", its place, and losses, or the "reason" why not."""
    result = task.output.with_suffix(".json")
    if not result.exists():
        task.output.parent.mkdir(parents=True, exist_ok=True)
        write_whole(result, json.dumps(_painted(task)).encode())
    checkpoint_path(task.output).unlink(missing_ok=True)
    return json.loads(result.read_text())


def _painted(task: PaintingTask) -> dict[str, Any]:
    from nst_keras.transfer.checkpoints import read_checkpoint, write_checkpoint
    from nst_keras.transfer.descent import Pictures, finished_image, optimize_image, plan_scales
    from nst_keras.transfer.progress import summed_losses

    settings = StyleTransferSettings(**json.loads(task.settings))
    objective, network = _network(task.settings, task.vgg)
    record = {"content": task.photo.name, "styles": [task.painting.name], **network}
    checkpoint = checkpoint_path(task.output)

    def keep_state(state: "State") -> None:
        if state.step % task.checkpoint_every == 0:
            write_checkpoint(checkpoint, state, record)

    try:
        first = None if settings.init in INITS else load_picture(settings.init, "init")
        pictures = Pictures(read_picture(task.photo), [read_picture(task.painting)], [1.0], first)
        scales = plan_scales(pictures.content, settings)
    except InputError as error:
        return {"reason": str(error)}
    start = read_checkpoint(checkpoint, record)
    try:
        state = optimize_image(objective, pictures, scales, settings, start=start, callback=keep_state)
    except NonFiniteLossError as error:
        return {"reason": str(error)}
    write_image(task.output, finished_image(state, pictures, settings), record)
    return {"picture": task.output.relative_to(task.folder).as_posix(), **summed_losses(state.losses)}


@functools.lru_cache(maxsize=1)
def _network(settings: str, vgg: str) -> tuple["AnyObjective", dict[str, Any]]:
    """The compiled step and what it is, once for all pictures that a process paints."""
    from nst_keras import __version__
    from nst_keras.transfer.descent import build_objective
    from nst_keras.weights.vgg19 import load_vgg19

    values, weights = json.loads(settings), load_vgg19(vgg)
    record = {"program": f"nst_keras {__version__}", "vgg_digest": weights.digest, "settings": values}
    return build_objective(weights, StyleTransferSettings(**values)), record


def _draw_sheet(config: StyleTransferConfig, tasks: list[PaintingTask], folder: Path) -> None:
    """The first photos in all styles; where there is no picture, the sheet is white."""
    from nst_keras.stylizers.training.pictures import draw_sheet, fitted

    places = {(task.photo, task.painting): folder / task.place for task in tasks}
    places = {pair: path for pair, path in places.items() if path.exists()}
    photos = list(dict.fromkeys(photo for photo, _ in places))[: config.sheet_photos]
    paintings = list(dict.fromkeys(painting for _, painting in places))

    def cell(photo: PictureAt, painting: PictureAt) -> np.ndarray:
        path = places.get((photo, painting))
        return fitted(read_image(path), config.sheet_side) if path else np.full([1, 1, 3], 255.0)

    sheet = draw_sheet(
        [fitted(read_picture(photo), config.sheet_side) for photo in photos],
        {painting.name: read_picture(painting) for painting in paintings},
        [[cell(photo, painting) for painting in paintings] for photo in photos],
    )
    write_image(folder / "contact_sheet.jpg", sheet)


def _files(config: StyleTransferConfig) -> list[Path]:
    """The picture to start from, and weights that the user has."""
    from nst_keras.weights.vgg19 import vgg19_files

    named = config.init not in INITS and not config.init.startswith(SAMPLE)
    return [*([Path(config.init)] if named else []), *vgg19_files(config.vgg)]


StyleTransfer = Stage(transfer, "StyleTransfer", reads=_files)
