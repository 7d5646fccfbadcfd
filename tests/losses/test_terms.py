"""The list of terms, against NumPy and the papers' formulas."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import tensorflow as tf

from nst_keras.losses.settings import CONTENT, PICTURE, STYLE, LossSettings, LossWeights
from nst_keras.losses.terms import StyledPart, Term, WeightedTerms, blended, stacked, terms_of

# Powers of two, so that a value tells which weights it was multiplied with.
SETTINGS = LossSettings(
    content_weight=2.0,
    style_weight=4.0,
    tv_weight=8.0,
    content_layers={"a": 16.0, "off": 0.0},
    style_layers={"a": 32.0, "b": 64.0},
)
PLAIN = replace(SETTINGS, relative_losses=False)


def _features(seed: int, size: int = 6, channels: int = 5) -> tf.Tensor:
    values = np.random.default_rng(seed).standard_normal((1, size, size, channels))
    return tf.constant(values, tf.float32)


def _two_layers(seed: int) -> dict[str, tf.Tensor]:
    return {"a": _features(seed), "b": _features(seed + 1, 4, 3)}


def _values(settings: LossSettings, *, content: int = 10, style: int = 20, picture: int = 30) -> Any:
    terms = WeightedTerms(settings)
    targets = terms.targets(CONTENT, _two_layers(content)) | terms.targets(STYLE, _two_layers(style))
    values = terms(_features(0, channels=3), _two_layers(picture), targets)
    assert tuple(values) == terms.names
    return {name: float(value) for name, value in values.items()}


def _gram(features: tf.Tensor) -> np.ndarray:
    return np.einsum("bhwc,bhwd->bcd", features, features) / features[0].numpy().size


def test_every_term_has_a_weight_and_every_weight_a_term() -> None:
    terms = terms_of(SETTINGS)
    assert [term.weight for term in terms] == list(LossWeights().weights())
    assert [term.name for term in terms] == ["content", "style", "total_variation", "color_variation"]
    images = {term.name: term.image for term in terms}
    assert images.items() >= {"content": CONTENT, "style": STYLE, "total_variation": PICTURE}.items()


@pytest.mark.parametrize("relative", [True, False])
def test_terms_are_weighted_distances_to_the_right_image(relative: bool) -> None:
    values = _values(replace(SETTINGS, relative_losses=relative))
    assert list(values) == ["content/a", "style/a", "style/b", "total_variation"]
    picture, content, style = (_two_layers(seed) for seed in (30, 10, 20))

    def distance(values: np.ndarray, target: np.ndarray) -> float:
        return float(np.mean((values - target) ** 2) / (np.mean(target**2) if relative else 1))

    assert values["content/a"] == pytest.approx(
        2 * 16 * distance(picture["a"].numpy(), content["a"].numpy()), rel=1e-5
    )
    for layer, weight in (("a", 32), ("b", 64)):
        expected = 4 * weight * distance(_gram(picture[layer]), _gram(style[layer]))
        assert values[f"style/{layer}"] == pytest.approx(expected, rel=1e-4)
    pixels = _features(0, channels=3).numpy()
    variation = np.mean(np.diff(pixels, axis=1) ** 2) + np.mean(np.diff(pixels, axis=2) ** 2)
    assert values["total_variation"] == pytest.approx(8 * variation, rel=1e-5)


def test_style_loss_is_gatys_equation_4_times_4_over_channels_squared() -> None:
    a, b = _features(30), _features(20)
    channels, positions = 5, 36
    grams = [np.einsum("bhwc,bhwd->cd", f, f) for f in (a, b)]
    gatys = np.sum((grams[0] - grams[1]) ** 2) / (4 * channels**2 * positions**2)
    assert _values(PLAIN)["style/a"] == pytest.approx(4 * 32 * gatys * 4 / channels**2, rel=1e-4)


def test_the_image_itself_is_no_distance_away() -> None:
    values = _values(SETTINGS, content=30)
    assert values["content/a"] == 0 and values["style/a"] > 0
    values = _values(SETTINGS, style=30)
    assert values["style/a"] == pytest.approx(0, abs=1e-6) and values["content/a"] > 0


def test_style_loss_ignores_where_things_are() -> None:
    terms = WeightedTerms(SETTINGS)
    features = _two_layers(20)
    moved = {layer: tf.roll(values, shift=[2, 3], axis=[1, 2]) for layer, values in features.items()}
    targets = terms.targets(CONTENT, features) | terms.targets(STYLE, features)
    values = terms(_features(0, channels=3), moved, targets)
    assert float(values["style/a"]) == pytest.approx(0, abs=1e-6)
    assert float(values["content/a"]) > 0.5


def test_a_blend_pulls_like_the_weighted_sum_of_the_styles() -> None:
    terms, weights, features = WeightedTerms(replace(PLAIN, content_weight=0)), (0.25, 0.75), _two_layers(0)
    targets = [terms.targets(STYLE, _two_layers(seed)) for seed in (10, 20)]
    np.testing.assert_array_equal(stacked(targets[:1])["style/a"], targets[0]["style/a"])
    picture = _features(0, channels=3)
    with tf.GradientTape(persistent=True) as tape:
        tape.watch(features)
        mixed = terms(picture, features, blended(stacked(targets), tf.constant([weights])))["style/a"]
        each = [terms(picture, features, target)["style/a"] for target in targets]
        summed = tf.add_n([weight * loss for weight, loss in zip(weights, each, strict=True)])
    of_mixed, of_sum = (tape.gradient(loss, features["a"]).numpy() for loss in (mixed, summed))
    np.testing.assert_allclose(of_mixed, of_sum, atol=1e-5 * np.abs(of_sum).max())


def test_a_row_more_is_a_term_more() -> None:
    darkness = Term("darkness", "tv_weight", lambda pictures: -tf.reduce_mean(pictures))
    terms = WeightedTerms(replace(SETTINGS, content_weight=0), (*terms_of(SETTINGS), darkness))
    assert terms.names == ("style/a", "style/b", "total_variation", "darkness")
    picture = tf.fill([1, 4, 4, 3], 2.0)
    values = terms(picture, _two_layers(1), terms.targets(STYLE, _two_layers(2)))
    assert float(values["darkness"]) == -16


@pytest.mark.parametrize("relative", [True, False])
def test_parts_of_a_picture_add_up_to_the_whole(relative: bool) -> None:
    """Style by what is kept of the picture, content by halves, the rest by the pixels alone."""
    terms = WeightedTerms(replace(SETTINGS, relative_losses=relative))
    picture, pixels = _two_layers(30), _features(0, channels=3)
    targets = terms.targets(CONTENT, _two_layers(10)) | terms.targets(STYLE, _two_layers(20))
    whole = terms(pixels, picture, targets)
    assert terms.by_tiles and terms.layers(STYLE) == {"style/a": "a", "style/b": "b"}
    assert terms.layers(CONTENT) == {"content/a": "a"}
    powers = {"content/a": tf.reduce_mean(targets["content/a"] ** 2)}
    halves = [
        terms.of_positions({"a": picture["a"][:, rows]}, {"content/a": targets["content/a"][:, rows]}, powers)
        for rows in (slice(0, 3), slice(3, 6))
    ]
    assert [list(half) for half in halves] == [["content/a"]] * 2
    style, others = terms.of_kept(terms.targets(STYLE, picture), targets), terms.of_picture(pixels)
    parts = {"content/a": sum(float(half["content/a"]) for half in halves) / 2, **style, **others}
    assert list(parts) == list(whole)
    for name, value in whole.items():
        assert float(parts[name]) == pytest.approx(float(value), rel=1e-5)


def test_parts_with_styles_of_their_own_count_by_their_shares() -> None:
    terms = WeightedTerms(replace(SETTINGS, content_weight=0, tv_weight=0, style_layers={"a": 1}))
    picture, styles = {"a": _features(30)}, [{"a": _features(seed)} for seed in (10, 20)]
    left = np.zeros([6, 6], np.float32)
    left[:, :3] = 1
    masks, columns = (left, 1 - left), (slice(0, 3), slice(3, 6))
    parts, expected = [], 0.0
    for share, mask, half, style in zip((0.25, 0.75), masks, columns, styles, strict=True):
        targets = terms.targets(STYLE, style, {"a": mask})
        parts.append(StyledPart(tf.constant(share), {"a": mask}, targets))
        alone = terms.targets(STYLE, {"a": style["a"][:, :, half]})
        expected += share * float(terms(picture["a"], {"a": picture["a"][:, :, half]}, alone)["style/a"])
    assert float(terms(picture["a"], picture, {}, parts)["style/a"]) == pytest.approx(expected, rel=1e-4)


def test_a_style_that_is_no_mean_over_positions_has_no_parts() -> None:
    terms = WeightedTerms(replace(SETTINGS, style_loss="mean_std"))
    assert not terms.by_tiles
    with pytest.raises(ValueError, match=r"^style isn't compared by means over positions, so not in tiles$"):
        terms.of_kept({}, {})


def test_layers_in_use() -> None:
    assert SETTINGS.layers() == ["a", "b"]
    assert SETTINGS.layers(CONTENT) == ["a"]
    assert replace(SETTINGS, style_weight=0).layers() == ["a"]
