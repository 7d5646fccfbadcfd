"""The optimisation: it lowers the loss, can be stopped and goes on, and is reproducible."""

from collections.abc import Callable
from dataclasses import replace
from unittest.mock import Mock

import numpy as np
import pytest
import tensorflow as tf

from nst_keras.errors import InputError, NonFiniteLossError
from nst_keras.losses.settings import CONTENT, STYLE
from nst_keras.losses.terms import Targets
from nst_keras.models.vgg19_layout import VGG19Weights
from nst_keras.pictures.color import LUMA
from nst_keras.pictures.finishing import recolored_style
from nst_keras.pictures.masks import Region
from nst_keras.pictures.resizing import resize, widened
from nst_keras.pictures.samples import read_sample
from nst_keras.stylizers.by_name import load_painter
from nst_keras.transfer.descent import (
    Callback,
    Pictures,
    Scale,
    State,
    initial_image,
    optimize_image,
    plan_scales,
)
from nst_keras.transfer.objective import Objective
from nst_keras.transfer.settings import StyleTransferSettings


def _optimize(
    objective: Objective,
    pictures: Pictures,
    settings: StyleTransferSettings,
    start: State | None = None,
    callback: Callback | None = None,
) -> State:
    scales = plan_scales(pictures.content, settings)
    return optimize_image(objective, pictures, scales, settings, start=start, callback=callback)


def _stop_after(steps: int) -> Callable[[State], bool]:
    seen: list[State] = []

    def callback(state: State) -> bool:
        seen.append(state)
        return len(seen) == steps

    return callback


@pytest.mark.parametrize("optimizer,learning_rate", [("lbfgs", 1.0), ("adam", 5.0), ("sgd", 1000.0)])
def test_every_optimizer_lowers_the_loss(
    random_weights: VGG19Weights,
    shallow: StyleTransferSettings,
    pictures: Pictures,
    optimizer: str,
    learning_rate: float,
) -> None:
    settings = replace(shallow, optimizer=optimizer, learning_rate=learning_rate, coarse_steps=0, num_steps=8)
    states: list[State] = []
    _optimize(Objective(random_weights, settings), pictures, settings, callback=states.append)
    totals = [state.losses["total"] for state in states]
    assert len(totals) == 8
    assert totals[-1] < 0.8 * totals[0]
    assert all(s.image.min() >= 0 and s.image.max() <= 255 for s in states)


def test_wasserstein_paints_two_styles_at_every_size_by_one_trace(
    random_weights: VGG19Weights, shallow: StyleTransferSettings, pictures: Pictures
) -> None:
    # On relu3_1, first 4 * 6 positions, then 8 * 12, for 256 channels.
    settings = replace(shallow, style_loss="wasserstein", style_layers={"relu3_1": 1.0})
    settings = replace(settings, coarse_steps=4, num_steps=4)
    both = replace(pictures, styles=[*pictures.styles, pictures.content], blend=[0.25, 0.75])
    objective, states = Objective(random_weights, settings), list[State]()
    _optimize(objective, both, settings, callback=states.append)
    totals = [state.losses["total"] for state in states]
    assert len(totals) == 8 and totals[3] < totals[0] and totals[7] < totals[4]
    assert objective.tracing_count() == 1


def test_every_term_is_reported_and_they_add_up(
    random_weights: VGG19Weights, shallow: StyleTransferSettings, pictures: Pictures
) -> None:
    state = _optimize(Objective(random_weights, shallow), pictures, shallow)
    names = [
        "content/relu2_1",
        "style/relu1_1",
        "style/relu2_1",
        "total_variation",
        "color_variation",
        "total",
    ]
    assert list(state.losses) == names
    assert state.losses["total"] == pytest.approx(sum(list(state.losses.values())[:-1]))
    assert state.image.shape == (32, 48, 3)


def test_gradient_equals_central_differences(
    random_weights: VGG19Weights, shallow: StyleTransferSettings, pictures: Pictures
) -> None:
    settings = replace(shallow, pooling="average")
    objective = Objective(random_weights, settings)
    rng = np.random.default_rng(0)
    image = rng.uniform(0, 255, (1, 24, 24, 3))
    direction = rng.standard_normal(image.shape)
    targets = objective.targets(CONTENT, pictures.content[None, :24, :24])
    targets |= objective.targets(STYLE, pictures.styles[0][None])

    def loss(shift: float) -> float:
        moved = tf.constant(image + shift * direction, tf.float32)
        return float(objective.evaluate(moved, targets)[0])

    gradient = objective.evaluate(tf.constant(image, tf.float32), targets)[2].numpy()
    numeric = (loss(0.1) - loss(-0.1)) / 0.2
    assert numeric == pytest.approx(float((gradient * direction).sum()), rel=0.02)


def test_adam_goes_on_bit_identically(
    random_weights: VGG19Weights, shallow: StyleTransferSettings, pictures: Pictures
) -> None:
    first, objective = Objective(random_weights, shallow), Objective(random_weights, shallow)
    for ema in (0.0, 0.9):
        settings = replace(shallow, optimizer="adam", ema=ema)
        whole = _optimize(first, pictures, settings)
        for stop_at in (2, 3, 5):  # at the coarse size, at its end, at the full one
            part = _optimize(objective, pictures, settings, callback=_stop_after(stop_at))
            assert not np.array_equal(part.image, whole.image)
            rest = _optimize(objective, pictures, settings, start=part)
            np.testing.assert_array_equal(rest.image, whole.image)


def test_lbfgs_goes_on_from_its_picture(
    random_weights: VGG19Weights, shallow: StyleTransferSettings, pictures: Pictures
) -> None:
    objective = Objective(random_weights, shallow)
    part = _optimize(objective, pictures, shallow, callback=_stop_after(5))
    assert (part.scale, part.step) == (1, 2)
    states: list[State] = []
    rest = _optimize(objective, pictures, shallow, start=part, callback=states.append)
    assert [s.step for s in states] == [3, 4]
    assert rest.losses["total"] < part.losses["total"]


def test_the_step_is_traced_once_for_all_sizes_and_pictures(
    random_weights: VGG19Weights, shallow: StyleTransferSettings, pictures: Pictures
) -> None:
    objective = Objective(random_weights, shallow)
    for content in (pictures.content, pictures.content[::-1].copy()):
        _optimize(objective, replace(pictures, content=content), shallow)
    assert objective.tracing_count() == 1


def test_same_seed_same_picture(
    random_weights: VGG19Weights, shallow: StyleTransferSettings, pictures: Pictures
) -> None:
    noise = replace(shallow, init="noise", noise_ratio=30.0, coarse_steps=0, num_steps=2)
    first, second = Objective(random_weights, noise), Objective(random_weights, noise)
    images = [
        _optimize(objective, pictures, replace(noise, seed=seed)).image
        for objective, seed in ((first, 1), (second, 1), (first, 2))
    ]
    np.testing.assert_array_equal(images[0], images[1])
    assert not np.array_equal(images[0], images[2])


def test_starts(shallow: StyleTransferSettings, pictures: Pictures) -> None:
    mean = (120.0, 110.0, 100.0)

    def start(pictures: Pictures = pictures, **changes: object) -> np.ndarray:
        settings = replace(shallow, **changes)  # type: ignore[arg-type]
        return initial_image(pictures, plan_scales(pictures.content, settings)[0], settings, mean)

    content, recoloured = start(), start(init="style_color")
    assert content.shape == (16, 24, 3)
    style = pictures.styles[0]
    assert abs(recoloured.mean() - style.mean()) < 6
    noise = start(init="noise", noise_ratio=0.256)
    np.testing.assert_allclose(noise.mean((0, 1)), mean, atol=0.1)
    assert noise.std((0, 1)).mean() == pytest.approx(0.256, rel=0.1)
    given = start(replace(pictures, init=np.full((9, 9, 3), 7.0, np.float32)))
    np.testing.assert_allclose(given, 7.0)
    with pytest.raises(InputError, match="content, noise, style_color"):
        start(init="nonsense")


def test_a_start_is_what_fast_paints_each_region_after_its_own(
    magenta_weights: None, shallow: StyleTransferSettings, pictures: Pictures
) -> None:
    settings, styles = replace(shallow, init="fast", size=48), [pictures.styles[0], pictures.content]
    first = Scale(32, 48, 1)
    photo = np.clip(resize(pictures.content, *first[:2]), 0, 255)
    painter = load_painter("magenta")
    expected = [painter.painted(photo, painter.blend([style])) for style in styles]
    left = np.zeros((32, 48), np.float32)
    left[:, :20] = 1
    regions = [Region(left, [None, None], [1.0, 0.0]), Region(left[:, ::-1], [None, None], [0.0, 1.0])]

    def start(**changes: object) -> np.ndarray:
        return initial_image(replace(pictures, styles=styles, **changes), first, settings, (0, 0, 0))  # type: ignore[arg-type]

    whole, parts = start(blend=[1.0, 0.0]), start(blend=[0.5, 0.5], regions=regions)
    assert np.abs(whole - photo).mean() > 10
    np.testing.assert_allclose(whole, expected[0], atol=2)  # engines may differ
    np.testing.assert_allclose(parts[:, :20], expected[0][:, :20], atol=2)
    np.testing.assert_allclose(parts[:, 28:], expected[1][:, 28:], atol=2)
    np.testing.assert_allclose(parts[:, 20:28], photo[:, 20:28], atol=1e-3)


def test_matched_colors_are_those_of_a_painting_in_the_photos_colors(
    random_weights: VGG19Weights, shallow: StyleTransferSettings, pictures: Pictures
) -> None:
    objective, matched = Objective(random_weights, shallow), replace(shallow, preserve_color="match")
    recolored = [recolored_style(style, pictures.content, matched) for style in pictures.styles]
    wanted = _optimize(objective, replace(pictures, styles=recolored), shallow)
    np.testing.assert_array_equal(_optimize(objective, pictures, matched).image, wanted.image)
    assert np.abs(_optimize(objective, pictures, shallow).image - wanted.image).max() > 1


def test_larger_style_scale_compares_with_a_larger_painting(
    random_weights: VGG19Weights, shallow: StyleTransferSettings, pictures: Pictures
) -> None:
    objective = Objective(random_weights, shallow)
    finals = [
        _optimize(objective, pictures, replace(shallow, style_scale=scale)).image for scale in (0.5, 2.0)
    ]
    assert np.abs(finals[0] - finals[1]).mean() > 1


def test_strokes_are_as_large_in_relation_to_the_picture_at_every_size(
    random_weights: VGG19Weights, shallow: StyleTransferSettings, pictures: Pictures
) -> None:
    settings = replace(shallow, size=96, style_scale=0.75, num_steps=1, coarse_steps=1)
    objective = Objective(random_weights, settings)
    measure, sizes = objective.targets, []

    def noted(of: str, image: np.ndarray, *mask: object) -> Targets:
        sizes.append((of, *image.shape[1:3]))
        return measure(of, image, *mask)

    objective.targets = noted  # type: ignore[method-assign]
    _optimize(objective, pictures, settings)
    # Of a style of 50x30, whose shorter side is kept at 16 or more.
    # Contents have a margin of 2.
    expected = [("style", 27, 16), ("content", 20, 28), ("style", 36, 22), ("content", 36, 52)]
    assert sizes == [*expected, ("style", 72, 43), ("content", 68, 100)]


@pytest.mark.parametrize("style_loss", ["gram", "wasserstein"])
def test_non_finite_loss_is_an_error_not_a_black_picture(
    random_weights: VGG19Weights, shallow: StyleTransferSettings, pictures: Pictures, style_loss: str
) -> None:
    settings = replace(shallow, style_weight=1e38, relative_losses=False, style_loss=style_loss)
    with pytest.raises(NonFiniteLossError, match="no longer finite"):
        _optimize(Objective(random_weights, settings), pictures, settings)


def test_blend_weights_choose_between_styles(
    random_weights: VGG19Weights, shallow: StyleTransferSettings, pictures: Pictures
) -> None:
    objective = Objective(random_weights, shallow)
    first, second = pictures.styles[0], pictures.content[::-1].copy()

    def paint(**changes: object) -> np.ndarray:
        return _optimize(objective, replace(pictures, **changes), shallow).image

    both = {"styles": [first, second]}
    np.testing.assert_array_equal(paint(**both, blend=[1, 0]), paint(styles=[first], blend=[1]))
    assert np.abs(paint(**both, blend=[1, 0]) - paint(**both, blend=[0, 1])).mean() > 1


def test_a_picture_is_cut_out_of_a_wider_one(
    random_weights: VGG19Weights, shallow: StyleTransferSettings, pictures: Pictures
) -> None:
    settings = replace(shallow, coarse_steps=0, margin=8)
    content = np.clip(resize(pictures.content, 32, 48), 0, 255)
    states: list[State] = []
    painted = _optimize(
        Objective(random_weights, settings), replace(pictures, content=content), settings, None, states.append
    )
    # Likewise a photo that has the margin already, and strokes as large as in the photo without.
    wider = replace(settings, size=64, margin=0, style_scale=48 / 64)
    whole = _optimize(Objective(random_weights, wider), replace(pictures, content=widened(content, 8)), wider)
    assert painted.image.shape == states[0].image.shape == (32, 48, 3)
    np.testing.assert_array_equal(painted.image, whole.image[8:-8, 8:-8])


@pytest.mark.large
def test_a_sky_is_no_darker_at_its_border(real_weights: VGG19Weights, photo: np.ndarray) -> None:
    settings = StyleTransferSettings(size=112, num_steps=20, coarse_steps=0)
    objective = Objective(real_weights, settings)
    pictures = Pictures(photo, [read_sample("strokes")], [1.0])

    def darker(margin: int) -> float:
        light = _optimize(objective, pictures, replace(settings, margin=margin)).image @ LUMA
        return float(light[1:6].mean() - light[0].mean())

    assert darker(0) > 10 and abs(darker(8)) < 8


@pytest.mark.large
def test_a_white_sky_does_not_hold_up_the_first_steps(real_weights: VGG19Weights, photo: np.ndarray) -> None:
    settings = StyleTransferSettings(size=96, num_steps=6, coarse_steps=0, style_weight=1000.0)
    pictures, states = Pictures(photo, [read_sample("strokes")], [1.0]), list[State]()
    _optimize(Objective(real_weights, settings), pictures, settings, callback=states.append)
    assert states[-1].losses["total"] < 0.6 * states[0].losses["total"]


@pytest.mark.parametrize("height,width", [(1, 1), (10000, 3), (15, 200)])
def test_pictures_too_small_for_the_network(
    random_weights: VGG19Weights, shallow: StyleTransferSettings, height: int, width: int
) -> None:
    tiny = np.zeros((height, width, 3), np.float32)
    with pytest.raises(InputError, match=f"{width}x{height} pixels but must be at least 16x16"):
        _optimize(Objective(random_weights, shallow), Pictures(tiny, [tiny], [1.0]), shallow)


def test_layers_without_weight_cost_nothing(
    random_weights: VGG19Weights, shallow: StyleTransferSettings
) -> None:
    objective = Objective(
        random_weights, replace(shallow, content_weight=0.0, tv_weight=0.0, color_tv_weight=0.0)
    )
    assert objective.term_names == ("style/relu1_1", "style/relu2_1")


def test_narrow_pictures_skip_sizes_at_which_nothing_is_left(
    random_weights: VGG19Weights, shallow: StyleTransferSettings
) -> None:
    narrow = np.random.default_rng(0).uniform(0, 255, (32, 90, 3)).astype(np.float32)
    states: list[State] = []
    _optimize(
        Objective(random_weights, shallow),
        Pictures(narrow, [narrow.transpose(1, 0, 2)], [1.0]),
        shallow,
        callback=states.append,
    )
    assert {state.image.shape[:2] for state in states} == {(17, 48)}
    assert len(states) == shallow.num_steps


def test_a_picture_that_ends_too_narrow_is_refused_before_the_first_step(
    random_weights: VGG19Weights, shallow: StyleTransferSettings
) -> None:
    narrow = np.zeros((20, 400, 3), np.float32)
    with pytest.raises(InputError, match="of size 48 would be 48x2 pixels but must be at least 16x16"):
        _optimize(Objective(random_weights, shallow), Pictures(narrow, [narrow], [1.0]), shallow)


@pytest.mark.parametrize("error", [MemoryError(), tf.errors.ResourceExhaustedError(None, None, "OOM")])
def test_too_little_memory_is_told(
    random_weights: VGG19Weights,
    shallow: StyleTransferSettings,
    pictures: Pictures,
    error: Exception,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    objective = Objective(random_weights, shallow)
    monkeypatch.setattr(objective, "evaluate", Mock(side_effect=error))
    with pytest.raises(InputError, match="not enough memory for 24x16 pixels: lower size, or tile_size"):
        _optimize(objective, pictures, shallow)
