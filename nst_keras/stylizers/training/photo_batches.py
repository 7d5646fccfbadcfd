"""Crops of photos for the training of stylizers, determined by seed and step alone."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from nst_keras.errors import InputError
from nst_keras.pictures.resizing import resize
from nst_keras.stylizers.training.settings import AveragedSettings


@dataclass(frozen=True)
class PhotoBatches:
    """Random crops at random scales of photos in memory, uint8 [h, w, 3] each.

    Each photo comes once before any comes again. Batch number k is the same whatever came before. Scales
    reach from the one at which the crop just fits in to `largest_scale`, and are equally likely on a
    logarithmic scale.
    """

    photos: Sequence[np.ndarray]
    batch_size: int
    crop_size: int
    largest_scale: float
    flip: bool
    seed: int

    @classmethod
    def of(cls, photos: Sequence[np.ndarray], settings: AveragedSettings, seed: int = 0) -> "PhotoBatches":
        """Those of a training; another `seed` is added for pictures that shan't be cut as others are."""
        return cls(
            photos,
            settings.batch_size,
            settings.crop_size,
            settings.largest_scale,
            settings.flip,
            settings.seed + seed,
        )

    def __post_init__(self) -> None:
        if not self.photos:
            raise InputError("photos must not be empty")

    def batch(self, step: int) -> np.ndarray:
        """Returns float32 [batch_size, crop_size, crop_size, 3], RGB on 0..255."""
        numbers = range(step * self.batch_size, (step + 1) * self.batch_size)
        return np.stack([self._crop(number) for number in numbers])

    def _crop(self, number: int) -> np.ndarray:
        epoch, place = divmod(number, len(self.photos))
        order = np.random.default_rng([self.seed, epoch]).permutation(len(self.photos))
        photo = self.photos[order[place]]
        rng = np.random.default_rng([self.seed, epoch, place])
        least = self.crop_size / min(photo.shape[:2])
        scale = np.exp(rng.uniform(np.log(least), np.log(max(least, self.largest_scale))))
        # Cut first, since that leaves less to resize.
        side = min(round(self.crop_size / scale), *photo.shape[:2])
        top, left = (rng.integers(0, length - side + 1) for length in photo.shape[:2])
        crop = resize(photo[top : top + side, left : left + side], self.crop_size, self.crop_size)
        mirrored = crop[:, ::-1] if self.flip and rng.random() < 0.5 else crop
        return np.clip(mirrored, 0.0, 255.0)
