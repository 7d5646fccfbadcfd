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
from nst_keras.pictures.color import match_color_statistics
from nst_keras.pictures.finishing import finish, recolored_style
from nst_keras.pictures.masks import Region, kept_share, resize_mask
from nst_keras.pictures.resizing import fit_size, resize
from nst_keras.transfer.objective import Objective
from nst_keras.transfer.optimizers import Evaluate, minimize
from nst_keras.transfer.settings import INITS, StyleTransferSettings

# The deepest layers need a few positions to compare; below this a picture says nothing.
MIN_SIDE = 16


@dataclass(frozen=True)
class State:
    """Where an optimisation stands; enough to go on from.

    Attributes:
        scale: Index into `settings.scales()`.
        step: Steps done at this scale.
        image: float32 [H, W, 3] on 0..255.
        slots: The optimiser's variables (Adam's moments and step count); none for lbfgs.
        losses: The loss terms by name, and their sum as "total"; empty before the first step.
    """

    scale: int
    step: int
    image: np.ndarray
    slots: Sequence[np.ndarray] = ()
    losses: dict[str, float] = field(default_factory=dict)


# Gets the state after each step; True ends the optimisation there.
Callback = Callable[[State], bool | None]


@dataclass(frozen=True)
class Pictures:
    """What goes in.

    Attributes:
        content: float32 [H, W, 3] on 0..255.
        styles: One or more pictures like it, of any sizes.
        blend: Share of each style; they add up to 1.
        init: Picture to start from, for `settings.init` other than a named start.
        regions: Parts of the content that are painted each after its own; none: all is painted after all.
    """

    content: np.ndarray
    styles: Sequence[np.ndarray]
    blend: Sequence[float]
    init: np.ndarray | None = None
    regions: Sequence[Region] = ()


class Scale(NamedTuple):
    """One of the sizes that a picture is optimised at, coarse to fine."""

    height: int
    width: int
    num_steps: int


def optimize_image(
    objective: Objective,
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
        objective: Built from the same settings.
        pictures: Content and styles.
        scales: As `plan_scales` returns them.
        settings: Optimiser and start.
        start: A state to go on from. Adam and sgd then end bit-identical to an uninterrupted run; lbfgs
            begins a new history.
        callback: Gets the state after each step; True ends the optimisation there.

    Raises:
        InputError: If a style image is too small or narrow for the network.
        NonFiniteLossError: If the loss leaves the finite numbers.
    """
    for style in pictures.styles:
        _require_sides(style.shape, "a style image is {} pixels")
    if pictures.regions:
        objective.require_whole(scales[-1].height, scales[-1].width)
    recolored = [recolored_style(style, pictures.content, settings) for style in pictures.styles]
    pictures = replace(pictures, styles=recolored)
    state = start or State(0, 0, initial_image(pictures, scales[0], settings, objective.mean_pixel))
    for index in range(state.scale, len(scales)):
        height, width, num_steps = scales[index]
        if index > state.scale:
            state = State(index, 0, np.clip(resize(state.image, height, width), 0, 255))
        steps_left = num_steps - state.step
        state, stopped = _optimize_scale(objective, pictures, settings, state, steps_left, callback)
        if stopped:
            break
    return state


def finished_image(state: State, pictures: Pictures, settings: StyleTransferSettings) -> np.ndarray:
    """Returns a state's picture as it is kept, float32 [H, W, 3] on 0..255; see `pictures.finishing`.

    What is in no region is the content's.
    """
    painted = finish(state.image, pictures.content, settings, styles_matched=True)
    if not pictures.regions:
        return painted
    height, width = painted.shape[:2]
    kept = kept_share(pictures.regions, height, width)[..., np.newaxis]
    return kept * np.clip(resize(pictures.content, height, width), 0, 255) + (1 - kept) * painted


def initial_image(
    pictures: Pictures, first: Scale, settings: StyleTransferSettings, mean_pixel: Sequence[float]
) -> np.ndarray:
    """Returns the picture that the first scale starts from, float32 [H, W, 3] on 0..255."""
    height, width, _ = first
    if pictures.init is not None:
        return np.clip(resize(pictures.init, height, width), 0, 255)
    require_choice("init", settings.init, INITS)
    if settings.init == "noise":
        noise = np.random.default_rng(settings.seed).standard_normal((height, width, 3))
        return (np.asarray(mean_pixel) + settings.noise_ratio * noise).astype(np.float32)
    content = resize(pictures.content, height, width)
    if settings.init == "style_color":
        strongest = pictures.styles[int(np.argmax(pictures.blend))]
        content = match_color_statistics(content, strongest)
    return np.clip(content, 0, 255)


def plan_scales(content: np.ndarray, settings: StyleTransferSettings) -> list[Scale]:
    """Sizes of the generated image, coarse to fine, with the steps at each.

    Coarse sizes at which a long and narrow picture would be too narrow for the network are left out.

    Raises:
        InputError: If the content image, or the picture at its full size, is too narrow.
    """
    _require_sides(content.shape, "the content image is {} pixels")
    sizes = [fit_size(content, side) for side in settings.scales()]
    _require_sides(sizes[-1], f"the generated image of size {settings.size} would be {{}} pixels")
    coarse = [Scale(*size, settings.coarse_steps) for size in sizes[:-1] if min(size) >= MIN_SIDE]
    return [*coarse, Scale(*sizes[-1], settings.num_steps)]


def _require_sides(shape: Sequence[int], text: str) -> None:
    height, width = shape[:2]
    if min(height, width) < MIN_SIDE:
        raise InputError(f"{text.format(f'{width}x{height}')} but must be at least {MIN_SIDE}x{MIN_SIDE}")


def _optimize_scale(
    objective: Objective,
    pictures: Pictures,
    settings: StyleTransferSettings,
    state: State,
    steps_left: int,
    callback: Callback | None,
) -> tuple[State, bool]:
    """Runs the steps that are left at the state's scale; tells also if the callback ended it."""
    stopped = False

    def on_step(image: np.ndarray, terms: np.ndarray, slots: Sequence[np.ndarray]) -> bool:
        nonlocal state, stopped
        losses = dict(zip(objective.term_names, map(float, terms), strict=True))
        losses["total"] = sum(losses.values())
        state = State(state.scale, state.step + 1, image, slots, losses)
        stopped = bool(callback(state)) if callback else False
        return stopped

    minimize(
        _evaluator(objective, pictures, settings, state),
        state.image,
        steps_left,
        settings,
        on_step,
        state.slots,
    )
    return state, stopped


def _evaluator(
    objective: Objective, pictures: Pictures, settings: StyleTransferSettings, state: State
) -> Evaluate:
    """Computes the targets of a scale, once, and returns the loss as a function of the picture."""
    height, width = state.image.shape[:2]
    side = max(height, width) * settings.style_scale
    styles = [resize(style, *_style_size(style, side)) for style in pictures.styles]

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
        (resize_mask(region.mask, height, width), blend_of(region.blend, region.style_masks))
        for region in pictures.regions
    ]
    targets = {} if regions else blend_of(pictures.blend, [None] * len(styles))
    targets |= objective.targets(CONTENT, resize(pictures.content, height, width)[np.newaxis])
    return lambda image: objective.evaluate(image, targets, regions)


def _style_size(style: np.ndarray, longest_side: float) -> tuple[int, int]:
    """Height and width to compare a style image at; a narrow one is kept wide enough for the network."""
    aspect = max(style.shape[:2]) / min(style.shape[:2])
    return fit_size(style, max(round(longest_side), round(MIN_SIDE * aspect)))
