"""How far a grid stands out of a picture, as upsampling networks leave one; for stylizers.py."""

import numpy as np


def lattice_ratio(picture: np.ndarray, period: int) -> float:
    """How far a grid of that period, in pixels, stands out of a picture [h, w, 3]: 1 is not at all.

    Power of brightness at the grid's lowest frequencies against the mean of that around them.
    """
    height, width = (side - side % period for side in picture.shape[:2])
    bright = picture[:height, :width] @ np.array([0.299, 0.587, 0.114])
    window = np.outer(np.hanning(height + 1)[:-1], np.hanning(width + 1)[:-1])
    power = np.abs(np.fft.fft2((bright - bright.mean()) * window)) ** 2
    ratios = []
    for row, column in ((1, 0), (0, 1), (1, 1), (1, -1)):
        centre = np.roll(power, (5 - row * height // period, 5 - column * width // period), (0, 1))[:11, :11]
        around = centre.copy()
        around[4:7, 4:7] = np.nan  # where the window spreads the frequency itself
        ratios.append(centre[5, 5] / np.nanmean(around))
    return float(np.mean(ratios))
