"""Evaluator of stylizers: judges the pictures that one paints, and blesses it if they are good enough.

Pictures are judged by the optimiser's loss network, VGG-19, which stylizers are trained to please, and by
one that has no part in training. A task is one photo in all styles.
"""

import functools
import json
import math
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from nst_keras.errors import InputError
from nst_keras.fields import BELOW_ONE, FROM_ONE, POSITIVE, SHARE, Bounds, Settings, choice, number, setting
from nst_keras.pictures.images import encode_image, read_image, write_image
from nst_keras.storage.files import write_whole
from nst_keras.stylizers.by_name import load_painter
from nst_keras.stylizers.engines.settings import TENSORFLOW
from pipelines.engine.stage import Context, Input, Output, Stage
from pipelines.examples.collection import PAINTINGS, PHOTOS, PictureAt, find_pictures, read_picture
from pipelines.examples.parts import file_name, run_tasks
from pipelines.judging.stylizer_evaluation import (
    ALL,
    VGG19,
    find_artefacts_above,
    find_failures,
    find_objections,
    render_evaluation,
    summarize,
)
from pipelines.judging.stylizers import stylizer_in
from pipelines.judging.verdicts import as_record, bless, write_blessing
from pipelines.kinds import Examples, Model, ModelBlessing, ModelEvaluation

if TYPE_CHECKING:
    from collections.abc import Callable

    from nst_keras.stylizers.judges import Distances
    from nst_keras.stylizers.painter import Painter

EFFICIENTNET = "efficientnet_lite0"

FLAT, GRADIENT, DARK, TINY, HUGE = SLICES = ("flat", "gradient", "dark", "tiny", "huge")
_FLAT_BELOW, _DARK_BELOW = 4.0, 40.0  # standard deviation and mean of a photo, on 0..255
_GRADIENT = 16, 240  # brightness in two opposite corners
_DARKNESS = 0.1  # of what is left of a photo that is made dark
_SHEET_SIDE = 192  # pixels
_LEAST_SIDE = 96  # pixels, in which motifs can come again and grids are seen
_CONTENT = "block5_expand"  # as deep as relu4_2, on which VGG-19 compares content


@dataclass(frozen=True)
class PictureEvaluatorConfig(Settings):
    """On what a stylizer is judged, and what makes it good enough."""

    size: int = number(256, "Longest side at which pictures are painted and judged, in pixels.", Bounds(32))
    painting_size: int = number(256, "Longest side of the paintings that they are compared with.", Bounds(32))
    most_photos: int = number(8, "Photos to judge on at most, the first of the collection.", FROM_ONE)
    tiny_side: int = number(40, "Longest side of the slice of tiny pictures, in pixels.", Bounds(16))
    huge_side: int = number(1600, "Longest side of the slice of huge pictures, in pixels.", FROM_ONE)
    vgg: str = setting("", "Weights of VGG-19, as --vgg of nst-stylize.")
    independent: str = choice(EFFICIENTNET, "Network that judges beside VGG-19", (EFFICIENTNET, "none"))
    least_fall: float = number(
        0.2, "Share by which each style must come nearer to its painting than the photo is.", BELOW_ONE
    )
    most_content: float = number(
        1.4, "Largest distance from the photo by VGG-19; another photo is at 1.5 or so.", POSITIVE
    )
    most_independent_content: float = number(
        0.75, "The same by the independent network; another photo is at 0.8 or so.", POSITIVE
    )
    most_saturated: float = number(
        0.5, "Largest share of values that painting drives to 0 or 255.", Bounds(0, 1, open_low=True)
    )
    most_unpainted: float | None = number(
        None,
        "Largest share of regions that keep the photo's texture, by style; unset: it is only told.",
        SHARE,
    )
    most_repetition: float | None = number(
        None, "How much more pictures may repeat themselves than photos do, such as 0.02; likewise.", SHARE
    )
    most_lattice: float | None = number(
        None, "How far a grid may stand out of them, such as 10; 1 is not at all; likewise.", POSITIVE
    )
    most_unrest: float | None = number(
        None,
        "Largest deviation of brightness in what is made of a flat photo, or of an even gradient, on 0..255; "
        "likewise.",
        POSITIVE,
    )
    most_border: float | None = number(
        None, "Largest difference of brightness at their border, on 0..255; likewise.", POSITIVE
    )
    most_worse: float = number(
        0.1, "Share by which distances may be above those of the model that was blessed last."
    )


@dataclass(frozen=True)
class PhotoTask:
    """A photo to judge on."""

    photo: PictureAt
    slice: str  # that it is made into, or "" for the photo as it is
    paintings: tuple[PictureAt, ...]  # those that the model has styles of
    model: str  # the stylizer, as `load_painter` takes it
    baseline: str  # that of the model to compare with; "" for none
    folder: Path  # where the result goes, and small pictures for the contact sheet
    config: PictureEvaluatorConfig

    @property
    def name(self) -> str:
        """Of the task's files."""
        return f"{self.slice or ALL}-{file_name(self.photo.name)}"


def evaluate(
    config: PictureEvaluatorConfig,
    context: Context,
    *,
    examples: Input[Examples],
    model: Input[Model],
    baseline: Input[Model] | None,
    evaluation: Output[ModelEvaluation],
    blessing: Output[ModelBlessing],
) -> dict[str, Any]:
    """Judges a stylizer.

    Styles whose painting is in the collection are compared with it; others only must not fail. Flat, dark,
    tiny and huge pictures are slices of their own, made from a photo if the collection has none; so is an
    even gradient. Writes
    `metrics.json`, `contact_sheet.jpg` and `evaluation.html`.
    """
    photos = find_pictures(examples, PHOTOS)[: config.most_photos]
    stylizer = _require_stylizer(model)
    paintings = _known_paintings(stylizer, examples)
    other = _require_stylizer(baseline) if baseline else ""

    def task(photo: PictureAt, slice_: str = "") -> PhotoTask:
        return PhotoTask(photo, slice_, paintings, stylizer, other, context.scratch, config)

    first = run_tasks(context, judge_photo, [task(photo) for photo in photos], "photo")
    good = [result for result in first if "reason" not in result]
    if not good:
        raise InputError(f"{examples.path}: no photo can be judged on: {first[0]['reason']}")
    by_name = {photo.name: photo for photo in photos}
    in_slices = [
        task(by_name[next((result for result in good if name in result["slices"]), good[0])["photo"]], name)
        for name in SLICES
    ]
    slices = dict(zip(SLICES, run_tasks(context, judge_photo, in_slices, "slice"), strict=True))
    report = summarize(first, slices, [painting.name for painting in paintings])
    failures = find_failures(first, slices, config.most_saturated)
    objections = find_objections(
        report,
        least_fall=config.least_fall,
        most_content={VGG19: config.most_content, config.independent: config.most_independent_content},
        most_worse=config.most_worse,
    )
    objections += find_artefacts_above(
        report,
        {
            "unpainted": config.most_unpainted,
            "repetition": config.most_repetition,
            "lattice": config.most_lattice,
            "unrest": config.most_unrest,
            "border": config.most_border,
        },
    )
    verdict = bless(failures + objections)
    report |= {"config": asdict(config), "blessed": verdict.blessed, "reasons": list(verdict.reasons)}
    write_whole(evaluation.path / "metrics.json", json.dumps(report, indent=1).encode() + b"\n")
    write_blessing(blessing, verdict)
    sheet = _draw_sheet([*(task(by_name[result["photo"]]) for result in good), *in_slices], report["styles"])
    write_whole(evaluation.path / "contact_sheet.jpg", sheet)
    write_whole(evaluation.path / "evaluation.html", render_evaluation(report, verdict, sheet).encode())
    means = {
        f"{kind}_{network}": value
        for network, values in report["overall"].items()
        for kind, value in values.items()
    }
    return {
        "blessed": verdict.blessed,
        "photos": len(good),
        "failures": len(failures),
        **means,
        **as_record(verdict.reasons),
    }


def _require_stylizer(model: Model) -> str:
    stylizer = stylizer_in(model.path)
    if not stylizer:
        raise InputError(f"{model.path}: holds no stylizer: the PictureEvaluator judges stylizers")
    return stylizer


def _known_paintings(stylizer: str, examples: Examples) -> tuple[PictureAt, ...]:
    styles = _painter(stylizer).styles
    paintings = find_pictures(examples, PAINTINGS)
    # If it has no styles of its own, any painting is one.
    known = tuple(painting for painting in paintings if not styles or painting.name in styles)
    if not known:
        raise InputError(
            f"{examples.path}: must hold the painting of a style of {stylizer}: one of {', '.join(styles)}"
        )
    return known


def judge_photo(task: PhotoTask) -> dict[str, Any]:
    """Paints a photo in all styles and judges that, or returns the result of doing so before.

    That is "photo", its name; "slices" that it belongs to; for the "model" and the "baseline" (or None), by
    style: whether the picture is "finite" and "constant", the share of values that are "saturated",
    "artefacts" of photos as they are, of flat ones and of a gradient by kind, if they aren't tiny, and where
    there is a painting, "distances" by network; or only "photo" and the "reason" why it can't be used.
    """
    path = task.folder / f"{task.name}.json"
    if not path.exists():
        task.folder.mkdir(parents=True, exist_ok=True)
        try:
            photo, least = read_picture(task.photo), _painter(task.model).min_side
            height, width = photo.shape[:2]
            if min(height, width) < least:
                raise InputError(f"must be at least {least}x{least} pixels. Received: {width}x{height}")
        except InputError as error:
            return {"photo": task.photo.name, "reason": str(error)}
        write_whole(path, json.dumps(_judged_photo(task, photo)).encode())
    return json.loads(path.read_text())


def _judged_photo(task: PhotoTask, photo: np.ndarray) -> dict[str, Any]:
    config = task.config
    judges = _judges(config.vgg, config.independent, task.paintings, config.painting_size)
    prepared = _prepare(photo, task.slice, config, _painter(task.model).min_side)
    own = _middle(prepared, config.size)
    names = [painting.name for painting in task.paintings]
    artefacts = _artefacts_beside(own, task.slice)
    before = {
        name: {network: judge(own, own, number).style for network, judge in judges.items()}
        for number, name in enumerate(names)
    }

    def judged(painted: np.ndarray, style: str) -> dict[str, Any]:
        failures = _failures(painted, prepared)
        if not failures["finite"]:
            return failures
        part = _middle(painted, config.size)
        failures |= artefacts(part)
        if style not in names:
            return failures
        distances = {network: judge(part, own, names.index(style)) for network, judge in judges.items()}
        return failures | {
            "distances": {n: {**vars(d), "photo_style": before[style][n]} for n, d in distances.items()}
        }

    result: dict[str, Any] = {"photo": task.photo.name, "slices": _natural(photo, config), "baseline": None}
    for role, stylizer in (("model", task.model), ("baseline", task.baseline)):
        if stylizer:
            blends = _blends(stylizer, task.paintings)
            pictures = {style: _painter(stylizer).painted(prepared, blend) for style, blend in blends.items()}
            result[role] = {style: judged(painted, style) for style, painted in pictures.items()}
            if role == "model":
                _keep_small({"photo": prepared, **{f"style-{s}": p for s, p in pictures.items()}}, task)
    return result


def _failures(painted: np.ndarray, photo: np.ndarray) -> dict[str, Any]:
    if not np.isfinite(painted).all():
        return {"finite": False, "constant": False, "saturated": 0.0}

    def saturated(picture: np.ndarray) -> float:
        return float(np.mean((picture < 0.5) | (picture > 254.5)))

    return {
        "finite": True,
        "constant": bool(painted.std() < 1 and photo.std() >= _FLAT_BELOW),
        "saturated": round(max(0.0, saturated(painted) - saturated(photo)), 4),
    }


def _artefacts_beside(photo: np.ndarray, slice_: str) -> "Callable[[np.ndarray], dict[str, Any]]":
    """What finds artefacts of the photo's pictures; nothing where there is too little to see."""
    from nst_keras.losses.artefacts import SeenPhoto, find_artefacts, unrest

    if min(photo.shape[:2]) < _LEAST_SIDE or slice_ not in ("", FLAT, GRADIENT):
        return lambda _: {}
    if slice_:
        return lambda picture: {"artefacts": dict(zip(("unrest", "border"), unrest(picture), strict=True))}
    seen = SeenPhoto.of(photo)
    return lambda picture: {"artefacts": asdict(find_artefacts(picture, seen))}


def _natural(photo: np.ndarray, config: PictureEvaluatorConfig) -> list[str]:
    """The slices that a photo belongs to as it is."""
    longest = max(photo.shape[:2])
    belongs = {
        FLAT: photo.std() < _FLAT_BELOW,
        GRADIENT: False,  # it is always made
        DARK: photo.mean() < _DARK_BELOW,
        TINY: longest <= config.tiny_side,
        HUGE: longest >= config.huge_side,
    }
    return [name for name in SLICES if belongs[name]]


def _prepare(photo: np.ndarray, slice_: str, config: PictureEvaluatorConfig, least_side: int) -> np.ndarray:
    """The photo at the size at which it is painted, made into one of a slice if it isn't."""
    from nst_keras.stylizers.training.pictures import fitted

    least = math.ceil(least_side * max(photo.shape[:2]) / min(photo.shape[:2]))
    longest = max(photo.shape[:2])
    side = {TINY: config.tiny_side, HUGE: config.huge_side}.get(slice_, min(config.size, longest))
    prepared = photo if side == longest else fitted(photo, max(side, least))
    if slice_ in _natural(photo, config):
        return prepared
    if slice_ == FLAT:
        return np.full_like(prepared, 127.5)
    if slice_ == GRADIENT:
        rows, columns = (np.linspace(*_GRADIENT, side, dtype=np.float32) for side in prepared.shape[:2])
        return np.repeat(((rows[:, np.newaxis] + columns) / 2)[..., np.newaxis], 3, -1)
    return prepared * np.float32(_DARKNESS) if slice_ == DARK else prepared


def _middle(picture: np.ndarray, side: int) -> np.ndarray:
    """At most so many pixels in each direction: strokes are judged at the size at which they are painted."""
    top, left = (max(0, (length - side) // 2) for length in picture.shape[:2])
    return picture[top : top + side, left : left + side]


def _keep_small(pictures: dict[str, np.ndarray], task: PhotoTask) -> None:
    from nst_keras.stylizers.training.pictures import fitted

    (task.folder / task.name).mkdir(exist_ok=True)
    for name, picture in pictures.items():
        small = fitted(np.nan_to_num(picture), _SHEET_SIDE)
        write_image(task.folder / task.name / f"{file_name(name)}.png", small)


@functools.lru_cache(maxsize=2)
def _painter(stylizer: str) -> "Painter":
    return load_painter(stylizer, TENSORFLOW)


@functools.lru_cache(maxsize=2)
def _blends(stylizer: str, paintings: tuple[PictureAt, ...]) -> dict[str, np.ndarray]:
    """Each style that a stylizer knows, or each painting if it takes any, as it is painted."""
    painter = _painter(stylizer)
    if painter.styles:
        return {style: painter.blend([style]) for style in painter.styles}
    return {painting.name: painter.blend([read_picture(painting)]) for painting in paintings}


@functools.lru_cache(maxsize=1)
def _judges(
    vgg: str, independent: str, paintings: tuple[PictureAt, ...], painting_size: int
) -> "dict[str, Callable[[np.ndarray, np.ndarray, int], Distances]]":
    """The networks with the paintings' styles, once for all photos that a process judges."""
    from nst_keras.models.efficientnet_lite import FEATURES
    from nst_keras.stylizers.judges import FeatureJudge, OptimizerJudge
    from nst_keras.stylizers.training.pictures import fitted
    from nst_keras.weights.efficientnet_lite import load_efficientnet_lite0
    from nst_keras.weights.vgg19 import load_vgg19

    pictures = [fitted(read_picture(painting), painting_size) for painting in paintings]
    judges: dict[str, Any] = {VGG19: OptimizerJudge(load_vgg19(vgg), pictures)}
    if independent == EFFICIENTNET:
        judges[independent] = FeatureJudge(load_efficientnet_lite0(), FEATURES.index(_CONTENT), pictures)
    return judges


def _draw_sheet(tasks: list[PhotoTask], styles: list[str]) -> bytes:
    """Photos and slices in all styles, as a JPEG file."""
    from nst_keras.stylizers.training.pictures import draw_sheet

    def small(task: PhotoTask, name: str) -> np.ndarray:
        return read_image(task.folder / task.name / f"{file_name(name)}.png")

    paintings = {painting.name: read_picture(painting) for painting in tasks[0].paintings}
    blank = np.full([_SHEET_SIDE // 2, _SHEET_SIDE // 2, 3], 225.0)  # styles that are only kept
    sheet = draw_sheet(
        [small(task, "photo") for task in tasks],
        {style: paintings.get(style, blank) for style in styles},
        [[small(task, f"style-{style}") for style in styles] for task in tasks],
    )
    return encode_image(sheet, ".jpg")


def _files(config: PictureEvaluatorConfig) -> list[Path]:
    """Weights that the user has."""
    from nst_keras.weights.vgg19 import vgg19_files

    return vgg19_files(config.vgg)


PictureEvaluator = Stage(evaluate, "Evaluator", reads=_files)
