"""What is measured of a picture for statistics, of a data set or of what a server is asked."""

import numpy as np

from nst_keras.pictures.color import luma

# Steps in a unit of each feature, which is an int or a float.
INT_FEATURES = {"height": 1, "width": 1, "channels": 1, "encoded_bytes": 1}
FLOAT_FEATURES = {"brightness": 256, "contrast": 256, "colourfulness": 256}
STEPS = {**INT_FEATURES, **FLOAT_FEATURES}
# What values can be at all: of pixels on 0..255.
LIMITS = {"brightness": (0.0, 255.0), "contrast": (0.0, 127.5)}


def measure_picture(pixels: np.ndarray, encoded_bytes: int) -> dict[str, float]:
    """Measures a picture, uint8 [h, w, 1 or 3]; gives a value for each of `STEPS`.

    Brightness and contrast are mean and standard deviation of the luma on 0..255; colourfulness is Hasler and
    Süsstrunk's M3 ("Measuring colourfulness in natural images", 2003), 0 for gray and about 100 for very
    colourful.
    """
    height, width, channels = pixels.shape
    image = pixels.astype(np.float64)
    light = luma(image) if channels == 3 else image
    return {
        "height": height,
        "width": width,
        "channels": channels,
        "encoded_bytes": encoded_bytes,
        "brightness": float(light.mean()),
        "contrast": float(light.std()),
        "colourfulness": _colourfulness(image) if channels == 3 else 0.0,
    }


def _colourfulness(image: np.ndarray) -> float:
    red, green, blue = image[..., 0], image[..., 1], image[..., 2]
    one, other = red - green, 0.5 * (red + green) - blue
    return float(np.hypot(one.std(), other.std()) + 0.3 * np.hypot(one.mean(), other.mean()))
