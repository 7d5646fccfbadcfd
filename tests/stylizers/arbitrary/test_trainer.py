"""The training of a decoder for any painting: it learns, and goes on exactly from a state."""

from dataclasses import replace

import numpy as np
import pytest

from nst_keras.errors import InputError, NonFiniteLossError
from nst_keras.models.vgg19_layout import VGG19Weights
from nst_keras.pictures.samples import read_sample
from nst_keras.stylizers.arbitrary.settings import ArbitraryStyleSettings
from nst_keras.stylizers.arbitrary.trainer import ArbitraryStyleTrainer
from nst_keras.stylizers.training.photo_batches import PhotoBatches

SETTINGS = ArbitraryStyleSettings(
    width=0.125,
    batch_size=1,
    crop_size=64,
    learning_rate=1e-3,
    content_weight=3.0,
    style_weight=5.0,
    tv_weight=1e-3,
)


@pytest.fixture(scope="module")
def compiled(real_weights: VGG19Weights) -> tuple[ArbitraryStyleTrainer, list[np.ndarray]]:
    """One for all, since a trace takes seconds, and the state that it began with."""
    trainer = ArbitraryStyleTrainer(real_weights, SETTINGS)
    return trainer, trainer.state()


@pytest.fixture
def trainer(compiled: tuple[ArbitraryStyleTrainer, list[np.ndarray]]) -> ArbitraryStyleTrainer:
    """As it was at the start."""
    trainer, start = compiled
    trainer.set_state(start)
    return trainer


@pytest.fixture(scope="module")
def batches() -> tuple[PhotoBatches, PhotoBatches]:
    photos = [read_sample(name) for name in ("china", "flower")]
    paintings = [read_sample(name) for name in ("ink", "stained_glass")]
    return PhotoBatches(photos, 1, 64, 0.4, True, 0), PhotoBatches(paintings, 1, 64, 0.4, True, 1)


def test_every_term_falls(trainer: ArbitraryStyleTrainer, batches: tuple[PhotoBatches, PhotoBatches]) -> None:
    pair = [some.batch(0) for some in batches]
    terms = np.array([trainer.step(*pair) for _ in range(14)])
    assert terms.shape[1] == len(trainer.term_names)
    last = terms[-3:].mean(axis=0)
    # But for the total variation: the untrained decoder's picture is nearly of one colour.
    assert (last < terms[0])[:-1].all()
    assert last.sum() < 0.7 * terms[0].sum()


def test_terms_are_the_papers_relative_to_their_targets(
    trainer: ArbitraryStyleTrainer, batches: tuple[PhotoBatches, PhotoBatches]
) -> None:
    """Computed again in NumPy from the picture that is painted before the first step."""
    photo, painting = (some.batch(0) for some in batches)
    picture = trainer.stylize(photo[0], [painting[0]])[np.newaxis]
    terms = dict(zip(trainer.term_names, trainer.step(photo, painting).tolist(), strict=True))
    assert list(terms) == ["content", *(f"style/relu{block}_1" for block in range(1, 5)), "total_variation"]
    encoder = trainer.network.get_layer("encoder")
    of_photo, of_painting, of_picture = (
        {name: np.asarray(values) for name, values in encoder(pixels).items()}
        for pixels in (photo, painting, picture)
    )

    def moments(features: np.ndarray) -> np.ndarray:
        return np.concatenate([features.mean((1, 2)), features.std((1, 2))], -1)

    def distance(values: np.ndarray, target: np.ndarray) -> float:
        return float(np.mean((values - target) ** 2) / np.mean(target**2))

    code, style = of_photo["relu4_1"], of_painting["relu4_1"]
    axes = {"axis": (1, 2), "keepdims": True}
    code = (code - code.mean(**axes)) / np.sqrt(code.var(**axes) + 1e-5) * style.std(**axes)
    code += style.mean(**axes)
    assert terms["content"] == pytest.approx(3 * distance(of_picture["relu4_1"], code), rel=1e-2)
    for name, values in of_picture.items():
        expected = 5 / 4 * distance(moments(values), moments(of_painting[name]))
        assert terms[f"style/{name}"] == pytest.approx(expected, rel=1e-2)
    variation = np.mean(np.diff(picture, axis=1) ** 2) + np.mean(np.diff(picture, axis=2) ** 2)
    assert terms["total_variation"] == pytest.approx(1e-3 * variation, rel=1e-2)


@pytest.mark.large
def test_bfloat16_steps_are_nearly_those_of_float32(
    trainer: ArbitraryStyleTrainer, real_weights: VGG19Weights, batches: tuple[PhotoBatches, PhotoBatches]
) -> None:
    """Through the encoder's wide layers too, whose Winograd transforms amplify rounding."""
    rounded = ArbitraryStyleTrainer(real_weights, replace(SETTINGS, precision="mixed_bfloat16"))
    terms = [each.step(*(some.batch(0) for some in batches)) for each in (rounded, trainer)]
    np.testing.assert_allclose(*terms, rtol=0.05)


def test_it_goes_on_exactly_from_a_state(
    trainer: ArbitraryStyleTrainer, batches: tuple[PhotoBatches, PhotoBatches]
) -> None:
    trainer.step(*(some.batch(0) for some in batches))
    state = trainer.state()
    first = [trainer.step(*(some.batch(step) for some in batches)) for step in (1, 2)]
    trainer.set_state(state)
    again = [trainer.step(*(some.batch(step) for some in batches)) for step in (1, 2)]
    np.testing.assert_allclose(again, first, rtol=1e-5)
    with pytest.raises(InputError, match="the checkpoint doesn't fit the model"):
        trainer.set_state(state[:-1])


def test_it_paints_any_size_in_a_blend(trainer: ArbitraryStyleTrainer, photo: np.ndarray) -> None:
    paintings = [read_sample(name)[:64, :64] for name in ("ink", "stained_glass")]
    picture = trainer.stylize(photo, paintings, [0.25, 0.75])
    assert picture.shape == photo.shape
    assert np.abs(picture - trainer.stylize(photo, paintings, [0.75, 0.25])).mean() > 0.1


def test_weights_that_are_no_numbers_are_noticed(
    trainer: ArbitraryStyleTrainer, batches: tuple[PhotoBatches, PhotoBatches]
) -> None:
    trainer.set_state([array * np.nan if array.dtype.kind == "f" else array for array in trainer.state()])
    with pytest.raises(NonFiniteLossError, match=r"learning_rate=0\.001 is too high"):
        trainer.step(*(some.batch(0) for some in batches))
