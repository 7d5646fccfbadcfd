"""Optimisation-based style transfer (Gatys et al. 2016), from coarse to fine.

A picture is optimised at a small size first and its result, enlarged, starts the next size: large
forms of the style come from the small picture, where they fit the network's receptive field and a step
is cheap.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import NamedTuple

import numpy as np
import tensorflow as tf

from nst_keras.errors import InputError, require_choice
from nst_keras.losses.settings import CONTENT, STYLE
from nst_keras.losses.terms import Targets, blended, stacked
from nst_keras.models.vgg19_layout import VGG19Weights
from nst_keras.pictures.color import match_color_statistics
from nst_keras.pictures.finishing import finish, recolored_style
from nst_keras.pictures.masks import WHOLE, Region, kept_share, resize_mask
from nst_keras.pictures.resizing import fit_size, resize, widened, within
from nst_keras.stylizers.start import painted_at_once
from nst_keras.transfer.neighbors.matching import (
    NeighborObjective,
    Palette,
    first_picture,
    picture_to_match,
)
from nst_keras.transfer.neighbors.recoloring import recolored
from nst_keras.transfer.objective import Objective
from nst_keras.transfer.optimizers import Evaluate, minimize, slots_for
from nst_keras.transfer.settings import INITS, NN, StyleTransferSettings

# The deepest layers need a few positions to compare; below this a picture says nothing.
MIN_SIDE = 16


@dataclass(frozen=True)
class State:
    """Where an optimisation stands; enough to go on from.

    Attributes:
        scale: Index into `settings.scales()`.
        step: Steps done at this scale.
        canvas: The picture with its margin, float32 [H + 2 * margin, W + 2 * margin, 3] on 0..255.
        slots: The optimiser's variables (Adam's moments and step count, behind the picture's bands if those
            are optimised); none for lbfgs.
        losses: The loss terms by name, and their sum as "total"; empty before the first step.
        first: The canvas that the scale began with, if the loss depends on it.
        margin: Pixels on each side of the canvas that aren't of the picture.
    """

    scale: int
    step: int
    canvas: np.ndarray
    slots: Sequence[np.ndarray] = ()
    losses: dict[str, float] = field(default_factory=dict)
    first: np.ndarray | None = None
    margin: int = 0

    @property
    def image(self) -> np.ndarray:
        """The picture, float32 [H, W, 3] on 0..255."""
        return within(self.canvas, self.margin)


AnyObjective = Objective | NeighborObjective
# Gets the state after each step; True ends the optimisation there.
Callback = Callable[[State], bool | None]


class Steady(NamedTuple):
    """What a frame of a video is to look like, from the frames before.

    Attributes:
        picture: float32 [H, W, 3] on 0..255.
        weights: How much each place counts, float32 [H, W].
    """

    picture: np.ndarray
    weights: np.ndarray


@dataclass(frozen=True)
class Pictures:
    """What goes in.

    Attributes:
        content: float32 [H, W, 3] on 0..255.
        styles: One or more pictures like it, of any sizes.
        blend: Share of each style; they add up to 1.
        init: Picture to start from, for `settings.init` other than a named start.
        regions: Parts of the content that are painted each after its own; none: all is painted after all.
        steady: What the frames before show of a video's frame.
    """

    content: np.ndarray
    styles: Sequence[np.ndarray]
    blend: Sequence[float]
    init: np.ndarray | None = None
    regions: Sequence[Region] = ()
    steady: Steady | None = None


class Scale(NamedTuple):
    """One of the sizes that a picture is optimised at, coarse to fine."""

    height: int
    width: int
    num_steps: int
    by_layer: bool = False  # of method nn: whether neighbours are sought anew at each step, layer by layer


def build_objective(weights: VGG19Weights, settings: StyleTransferSettings) -> AnyObjective:
    """The loss that a method's pictures lower."""
    return (NeighborObjective if settings.method == NN else Objective)(weights, settings)


def optimize_image(
    objective: AnyObjective,
    pictures: Pictures,
    scales: Sequence[Scale],
    settings: StyleTransferSettings,
    *,
    start: State | None = None,
    callback: Callback | None = None,
) -> State:
    """Optimises a picture until every scale has had its steps, and returns the last state.

    Its picture isn't finished; see `finished_image`.

    Args:
        objective: Built by `build_objective` from the same settings.
        pictures: Content and styles.
        scales: As `plan_scales` returns them.
        settings: Optimiser and start.
        start: A state to go on from. Adam and sgd then end bit-identical to an uninterrupted run; lbfgs
            begins a new history.
        callback: Gets the state after each step; True ends the optimisation there.

    Raises:
        InputError: If a style image is too small or narrow for the network, or memory runs out.
        NonFiniteLossError: If the loss leaves the finite numbers.
    """
    for style in pictures.styles:
        _require_sides(style.shape, "a style image is {} pixels")
    if isinstance(objective, Objective):
        objective.require_size(scales[-1].height, scales[-1].width, settings.margin)
    pictures = replace(pictures, styles=_recolored_styles(pictures, settings))
    state = start or _begun(0, initial_image(pictures, scales[0], settings, objective.mean_pixel), settings)
    for index in range(state.scale, len(scales)):
        scale = scales[index]
        if index > state.scale:
            image = np.clip(resize(state.image, scale.height, scale.width), 0, 255)
            state = _begun(index, image, settings, state.slots)
        try:
            state, stopped = _optimize_scale(objective, pictures, settings, state, scale, callback)
        except (MemoryError, tf.errors.ResourceExhaustedError) as error:
            size = f"{scale.width}x{scale.height} pixels"
            raise InputError(f"there is not enough memory for {size}: lower size, or tile_size") from error
        if stopped:
            break
    return state


def finished_image(state: State, pictures: Pictures, settings: StyleTransferSettings) -> np.ndarray:
    """Returns a state's picture as it is kept, float32 [H, W, 3] on 0..255; see `pictures.finishing`.

    What is in no region is the content's.
    """
    image = state.image
    height, width = image.shape[:2]
    content = resize(pictures.content, height, width)
    if settings.method == NN:
        image = _recolored_parts(image, content, pictures, settings)
    painted = finish(image, pictures.content, settings, styles_matched=True)
    if not pictures.regions:
        return painted
    kept = kept_share(pictures.regions, height, width)[..., np.newaxis]
    return kept * np.clip(content, 0, 255) + (1 - kept) * painted


def initial_image(
    pictures: Pictures, first: Scale, settings: StyleTransferSettings, mean_pixel: Sequence[float]
) -> np.ndarray:
    """Returns the picture that the first scale starts from, float32 [H, W, 3] on 0..255."""
    height, width = first[:2]
    if pictures.init is not None:
        return np.clip(resize(pictures.init, height, width), 0, 255)
    require_choice("init", settings.init, INITS)
    if settings.init == "noise":
        noise = np.random.default_rng(settings.seed).standard_normal((height, width, 3))
        return (np.asarray(mean_pixel) + settings.noise_ratio * noise).astype(np.float32)
    content = resize(pictures.content, height, width)
    if settings.method == NN:
        return np.clip(first_picture(content), 0, 255)
    if settings.init == "fast":
        try:
            return painted_at_once(np.clip(content, 0, 255), pictures.styles, _parts(pictures))
        except InputError as error:
            raise InputError(f"init=fast: {error}") from error
    if settings.init == "style_color":
        strongest = pictures.styles[int(np.argmax(pictures.blend))]
        content = match_color_statistics(content, strongest)
    return np.clip(content, 0, 255)


def plan_scales(content: np.ndarray, settings: StyleTransferSettings) -> list[Scale]:
    """Sizes of the generated image, coarse to fine, with the steps at each.

    Coarse sizes at which a long and narrow picture would be too narrow for the network are left out.
    Method nn takes half of its steps at the full size in a last pass.

    Raises:
        InputError: If the content image, or the picture at its full size, is too narrow.
    """
    _require_sides(content.shape, "the content image is {} pixels")
    sizes = [fit_size(content, side) for side in settings.scales()]
    _require_sides(sizes[-1], f"the generated image of size {settings.size} would be {{}} pixels")
    coarse = [Scale(*size, settings.coarse_steps) for size in sizes[:-1] if min(size) >= MIN_SIDE]
    if coarse and settings.first_steps:
        coarse[0] = coarse[0]._replace(num_steps=settings.first_steps)
    last_pass = settings.num_steps // 2 if settings.method == NN else 0
    full = [Scale(*sizes[-1], settings.num_steps - last_pass)]
    return [*coarse, *full, *([Scale(*sizes[-1], last_pass, by_layer=True)] if last_pass else [])]


def _require_sides(shape: Sequence[int], text: str) -> None:
    height, width = shape[:2]
    if min(height, width) < MIN_SIDE:
        raise InputError(f"{text.format(f'{width}x{height}')} but must be at least {MIN_SIDE}x{MIN_SIDE}")


def _begun(
    scale: int, image: np.ndarray, settings: StyleTransferSettings, slots: Sequence[np.ndarray] = ()
) -> State:
    """A scale's first state; `slots` are those of the scale before."""
    canvas = widened(image, settings.margin)
    return State(scale, 0, canvas, slots_for(canvas, slots, settings), margin=settings.margin)


def _optimize_scale(
    objective: AnyObjective,
    pictures: Pictures,
    settings: StyleTransferSettings,
    state: State,
    scale: Scale,
    callback: Callback | None,
) -> tuple[State, bool]:
    """Runs the steps that are left at the state's scale; tells also if the callback ended it."""
    stopped, first = False, None
    if isinstance(objective, NeighborObjective):
        first = state.canvas if state.first is None else state.first
        names, evaluate = _neighbor_evaluator(
            objective, pictures, settings, replace(state, first=first), scale
        )
    else:
        names, evaluate = objective.term_names, _evaluator(objective, pictures, settings, state)

    if pictures.steady is not None:
        names, evaluate = [*names, "temporal"], _steadied(evaluate, pictures.steady, state)

    def on_step(canvas: np.ndarray, terms: np.ndarray, slots: Sequence[np.ndarray]) -> bool:
        nonlocal state, stopped
        losses = dict(zip(names, map(float, terms), strict=True))
        losses["total"] = sum(losses.values())
        state = State(state.scale, state.step + 1, canvas, slots, losses, first, state.margin)
        stopped = bool(callback(state)) if callback else False
        return stopped

    steps_left = scale.num_steps - state.step
    minimize(evaluate, state.canvas, steps_left, settings, on_step, state.slots)
    return state, stopped


def _evaluator(
    objective: Objective, pictures: Pictures, settings: StyleTransferSettings, state: State
) -> Evaluate:
    """Computes the targets of a scale, once, and returns the loss as a function of the picture."""
    height, width = state.image.shape[:2]
    styles = _styles_for(pictures, settings, state)

    def blend_of(shares: Sequence[float], masks: Sequence[np.ndarray | None]) -> Targets:
        targets = [
            objective.targets(
                STYLE, style[np.newaxis], None if mask is None else resize_mask(mask, *style.shape[:2])
            )
            for style, mask, share in zip(styles, masks, shares, strict=True)
            if share
        ]
        return blended(stacked(targets), tf.constant([[share for share in shares if share]], tf.float32))

    regions = [
        (
            widened(resize_mask(region.mask, height, width), state.margin),
            blend_of(region.blend, region.style_masks),
        )
        for region in pictures.regions
    ]
    targets = {} if regions else blend_of(pictures.blend, [None] * len(styles))
    content = widened(resize(pictures.content, height, width), state.margin)
    targets |= objective.targets(CONTENT, content[np.newaxis])
    return lambda image: objective.evaluate(image, targets, regions)


def _steadied(evaluate: Evaluate, steady: Steady, state: State) -> Evaluate:
    """The loss with a term more: the mean squared difference from what is steady (Ruder et al. 2016, eq. 7).

    It is taken on pixels, by values on 0..1, so its gradient needs no network.
    """
    size, margin = state.image.shape[:2], state.margin
    goal = tf.constant(widened(resize(steady.picture, *size), margin)[np.newaxis])
    shares = widened(resize_mask(steady.weights, *size), margin)
    weights = tf.constant(shares[np.newaxis, ..., np.newaxis] / 255**2)

    def with_steadiness(image: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor]:
        loss, terms, gradient = evaluate(image)
        difference = image - goal
        value = tf.reduce_mean(weights * tf.square(difference))
        slope = 2 * weights * difference / float(goal.shape.num_elements())
        return loss + value, tf.concat([terms, [value]], 0), gradient + slope

    return with_steadiness


def _neighbor_evaluator(
    objective: NeighborObjective,
    pictures: Pictures,
    settings: StyleTransferSettings,
    state: State,
    scale: Scale,
) -> tuple[Sequence[str], Evaluate]:
    """Likewise with the names of the loss's terms, for method nn."""
    turns = range(4 if settings.turn_style else 1)
    styles = _styles_for(pictures, settings, state)
    palettes = []
    for part in _parts(pictures):
        trio = list(zip(styles, part.blend, part.style_masks, strict=True))
        sized = [
            (style, share, None if mask is None else resize_mask(mask, *style.shape[:2]))
            for style, share, mask in trio
            if share
        ]
        turned = [
            (np.rot90(style, turn), share, None if mask is None else np.rot90(mask, turn))
            for style, share, mask in sized
            for turn in turns
        ]
        palettes.append(Palette(*map(list, zip(*turned, strict=True))))
    parts = _part_of_each_place(pictures, state)
    if scale.by_layer:
        return objective.matched_each_step(palettes, settings.seed, state.step, parts)
    like = widened(resize(pictures.content, *state.image.shape[:2]), state.margin)
    if state.scale > 0 and state.first is not None:
        like = picture_to_match(like, state.first, settings.content_share)
    return objective.matched_once(like, palettes, settings.seed, parts)


def _parts(pictures: Pictures) -> Sequence[Region]:
    """The regions, or the whole as one."""
    return pictures.regions or [Region(WHOLE, [None] * len(pictures.styles), pictures.blend)]


def _part_of_each_place(pictures: Pictures, state: State) -> np.ndarray | None:
    """The number of the region that has most of each place of the canvas, int32; None if there is one."""
    if len(pictures.regions) < 2:
        return None
    masks = [resize_mask(region.mask, *state.image.shape[:2]) for region in pictures.regions]
    return widened(np.argmax(masks, axis=0).astype(np.int32), state.margin)


def _recolored_parts(
    image: np.ndarray, content: np.ndarray, pictures: Pictures, settings: StyleTransferSettings
) -> np.ndarray:
    """What method nn painted, each region in the colours of its own styles."""
    styles = _recolored_styles(pictures, settings)
    result = np.zeros_like(image)
    parts = _parts(pictures)
    shares = [resize_mask(part.mask, *image.shape[:2]) for part in parts]
    total = np.maximum(sum(shares), 1e-6)
    for part, share in zip(parts, shares, strict=True):
        chosen = [
            (_places(style, mask), weight)
            for style, mask, weight in zip(styles, part.style_masks, part.blend, strict=True)
            if weight
        ]
        colored = recolored(image, content, *map(list, zip(*chosen, strict=True)))
        result += (share / total)[..., np.newaxis] * colored
    return result


def _places(style: np.ndarray, mask: np.ndarray | None) -> np.ndarray:
    """A style, or those of its places that a mask has, as a picture of one row."""
    if mask is None:
        return style
    share = resize_mask(mask, *style.shape[:2])
    return style[share >= min(0.5, share.max())][np.newaxis]


def _recolored_styles(pictures: Pictures, settings: StyleTransferSettings) -> list[np.ndarray]:
    return [recolored_style(style, pictures.content, settings) for style in pictures.styles]


def _styles_for(pictures: Pictures, settings: StyleTransferSettings, state: State) -> list[np.ndarray]:
    """The styles at the size that they are compared at."""
    side = max(state.image.shape[:2]) * settings.style_scale
    return [resize(style, *_style_size(style, side)) for style in pictures.styles]


def _style_size(style: np.ndarray, longest_side: float) -> tuple[int, int]:
    """Height and width to compare a style image at; a narrow one is kept wide enough for the network."""
    aspect = max(style.shape[:2]) / min(style.shape[:2])
    return fit_size(style, max(round(longest_side), round(MIN_SIDE * aspect)))
