"""How much painted videos flicker: plain frames beside steady ones, as one JSON object.

A clip is made from a photo, so that the true motion is known: a camera that pans over it, by whole pixels or
by parts of them, or stands still with a camera's noise. Flicker is the mean absolute difference of a painted
frame and the one before, moved as the camera did, on the 0..255 scale. Detail is the mean absolute gradient
of the painted frames: blending must not blur.
"""

import itertools
import json
from collections.abc import Iterator

import numpy as np
from absl import app, flags
from scipy import ndimage

from nst_keras.jobs.fast_settings import VideoSettings
from nst_keras.jobs.fast_video import FramePainter
from nst_keras.jobs.painter import Painter
from nst_keras.samples import read_sample

_STYLIZER = flags.DEFINE_string("stylizer", "", "Stylizer; empty is the package's.")
_STYLE = flags.DEFINE_string("style", "", "Style; empty is the first.")
_FRAMES = flags.DEFINE_integer("frames", 12, "Frames of each clip.")
_STEADY = flags.DEFINE_list("steady", ["0", str(VideoSettings.steady)], "Values of --steady to compare.")

_HEIGHT, _WIDTH, _NOISE = 240, 352, 3.0
_MOTIONS = {"still": (0.0, 0.0), "pan": (1.0, 3.0), "slow_pan": (0.3, 0.7)}  # rows and columns a frame


def _clip(photo: np.ndarray, motion: tuple[float, float], frames: int) -> Iterator[np.ndarray]:
    rng = np.random.default_rng(0)
    for number in range(frames):
        moved = _moved(photo, -motion[0] * number, -motion[1] * number)[:_HEIGHT, :_WIDTH]
        yield np.clip(np.rint(moved + rng.normal(0, _NOISE, moved.shape)), 0, 255).astype(np.uint8)


def _moved(image: np.ndarray, rows: float, columns: float) -> np.ndarray:
    return ndimage.shift(image, (rows, columns, 0), order=1, mode="nearest")


def _measure(painter: Painter, blend: np.ndarray, motion: tuple[float, float], steady: float) -> dict:
    paint = FramePainter(painter, blend, VideoSettings(size=0, steady=steady))
    painted = [paint(frame).astype(np.float32) for frame in _clip(_PHOTO, motion, _FRAMES.value)]
    differences = [
        np.abs(_moved(before, -motion[0], -motion[1]) - after)[:-8, :-8].mean()
        for before, after in itertools.pairwise(painted)
    ]
    detail = np.mean([np.abs(np.diff(frame, axis=1)).mean() for frame in painted])
    return {"flicker": round(float(np.mean(differences)), 3), "detail": round(float(detail), 3)}


_PHOTO = read_sample("china")


def _main(arguments: list[str]) -> None:
    painter = Painter(_STYLIZER.value)
    style = _STYLE.value or painter.stylizer.styles[0]
    blend = painter.blend([style])
    results = {
        name: {f"steady={value}": _measure(painter, blend, motion, float(value)) for value in _STEADY.value}
        for name, motion in _MOTIONS.items()
    }
    size = {"width": _WIDTH, "height": _HEIGHT, "frames": _FRAMES.value, "noise": _NOISE}
    print(json.dumps({"style": style, **size, **results}, indent=1))


if __name__ == "__main__":
    app.run(_main)
