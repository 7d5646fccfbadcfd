"""Crops of photos: sizes, order, repetition."""

import numpy as np
import pytest

from nst_keras.errors import InputError
from nst_keras.stylizers.training.photo_batches import PhotoBatches


def _flat_photos() -> list[np.ndarray]:
    """Of sizes of their own, and each of one brightness, by which its crops are known."""
    sizes = [(40, 60), (90, 33), (64, 64), (20, 300), (128, 96)]
    return [np.full((*size, 3), 40 * i + 20, np.uint8) for i, size in enumerate(sizes)]


def _batches(photos: list[np.ndarray], **changes: object) -> PhotoBatches:
    settings = {"batch_size": 3, "crop_size": 32, "largest_scale": 1.0, "flip": True, "seed": 0}
    return PhotoBatches(photos, **{**settings, **changes})  # type: ignore[arg-type]


def test_crops_have_the_size_wanted_and_the_range_of_pixels(photo: np.ndarray) -> None:
    batches = _batches([photo.astype(np.uint8), photo[:20, :25].astype(np.uint8)])
    for step in range(4):
        crops = batches.batch(step)
        assert (crops.shape, crops.dtype) == ((3, 32, 32, 3), np.float32)
        assert crops.min() >= 0
        assert crops.max() <= 255


def test_each_photo_comes_once_before_any_comes_again() -> None:
    batches = _batches(_flat_photos())
    seen = [round(float(crop.mean())) for step in range(10) for crop in batches.batch(step)]
    epochs = [seen[first : first + 5] for first in range(0, 30, 5)]
    assert all(sorted(epoch) == [20, 60, 100, 140, 180] for epoch in epochs)
    assert len({tuple(epoch) for epoch in epochs}) > 1, "in another order each time"


def test_a_batch_depends_on_seed_and_step_alone(photo: np.ndarray) -> None:
    photos = [photo.astype(np.uint8)]
    through = [_batches(photos).batch(step) for step in range(4)][3]
    np.testing.assert_array_equal(_batches(photos).batch(3), through)
    assert not np.array_equal(_batches(photos, seed=1).batch(3), through)


def test_photos_are_shown_at_many_scales() -> None:
    """A ramp over the whole photo: its slope in a crop tells the scale."""
    ramp = np.repeat(np.linspace(0, 255, 256).astype(np.uint8)[None, :, None], 256, axis=0).repeat(3, axis=2)
    batches = _batches([ramp], flip=False, batch_size=60)
    slopes = np.diff(batches.batch(0)[..., 0], axis=2).mean((1, 2))
    scales = 1 / slopes
    assert scales.min() < 0.2  # crops of 32 of 256 pixels: from 1/8
    assert scales.max() == pytest.approx(1, abs=0.15)
    assert np.median(scales) == pytest.approx(8**-0.5, rel=0.3)


def test_half_of_the_crops_are_mirrored_unless_told_not_to() -> None:
    ramp = np.repeat(np.arange(200, dtype=np.uint8)[None, :, None], 50, axis=0).repeat(3, axis=2)
    for flip, least, most in ((True, 15, 45), (False, 0, 0)):
        crops = _batches([ramp], flip=flip, batch_size=60).batch(0)
        falling = int((crops[:, :, 0] > crops[:, :, -1]).all((1, 2)).sum())
        assert least <= falling <= most


def test_without_photos() -> None:
    with pytest.raises(InputError, match="photos must not be empty"):
        _batches([])
