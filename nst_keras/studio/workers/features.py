"""What layers of VGG-19 make of pictures, in a form that people can look at: for the page's lesson."""

import base64
import functools
import io
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from nst_keras.console.tensorflow_start import import_tensorflow_quietly
from nst_keras.models.vgg19_layout import LAYER_NAMES
from nst_keras.pictures.by_name import file_stamp, load_picture
from nst_keras.pictures.resizing import fit_size, resize
from nst_keras.storage.files import write_whole
from nst_keras.transfer.presets import DEFAULT

# Those on which the optimiser compares pictures, unless told otherwise.
LAYERS = tuple(sorted(DEFAULT.layers(), key=LAYER_NAMES.index))
MOST_PICTURES = 3

_SIDE = 384  # longest side of a picture that is looked at, in pixels
_LEAST = 16  # what the deepest layer makes one position of
_COLUMNS, _TILE_SIDE = 4, 96  # of a sheet
_MAPS, _TOGETHER = 16, 8  # channels that are shown, and those whose Gram matrix is


def write_features(task: Mapping[str, Any]) -> None:
    """Writes what the task's "layer" makes of "pictures", of which the first is the photo, to "output".

    A JSON object of the photo's most active "channels", the "sheet" of their maps, its "places" in colours
    that are alike where features are; and of the channels that are most active in the last picture,
    "together", for each picture a "sheet" and the "gram" matrix, relative to the largest number of all.
    Sheets are PNG, in base64.
    """
    features = [_features(name, file_stamp(name))[task["layer"]] for name in task["pictures"]]
    photo, last = features[0], features[-1]
    channels, together = most_active(photo, _MAPS), most_active(last, _TOGETHER)
    tables = [_gram(each, together) for each in features]
    largest = max(float(table.max()) for table in tables) or 1.0
    document = {
        "channels": channels,
        "sheet": _png(tile_sheet(photo[..., channels])),
        "places": _png(like_places(photo)),
        "together": together,
        "pictures": [
            {"sheet": _png(tile_sheet(each[..., together])), "gram": (table / largest).round(4).tolist()}
            for each, table in zip(features, tables, strict=True)
        ],
    }
    write_whole(Path(task["output"]), json.dumps(document).encode())


@functools.cache
def _network() -> Any:
    """From a picture [H, W, 3] on 0..255 to its features [h, w, channels] on all layers that are shown."""
    import_tensorflow_quietly()
    from nst_keras.models.vgg19 import feature_network
    from nst_keras.ops.preprocessing import preprocess
    from nst_keras.weights.vgg19 import load_vgg19

    weights = load_vgg19()
    network = feature_network(weights, LAYERS, pooling=DEFAULT.pooling, edges=DEFAULT.edges)

    def features(picture: np.ndarray) -> dict[str, np.ndarray]:
        outputs = network(preprocess(picture[np.newaxis], weights.mean_pixel))
        return {layer: np.asarray(values[0]) for layer, values in outputs.items()}

    return features


@functools.lru_cache(maxsize=MOST_PICTURES)
def _features(name: str, _: object) -> dict[str, np.ndarray]:
    picture = load_picture(name, "picture")
    height, width = fit_size(picture, min(_SIDE, max(picture.shape[:2])))
    features: dict[str, np.ndarray] = _network()(resize(picture, max(height, _LEAST), max(width, _LEAST)))
    return features


def most_active(features: np.ndarray, count: int) -> list[int]:
    """Channels of features [h, w, channels] that differ most from place to place; borders don't count."""
    channels: list[int] = np.argsort(-_inside(features).std((0, 1)), kind="stable")[:count].tolist()
    return channels


def tile_sheet(maps: np.ndarray) -> np.ndarray:
    """Maps [h, w, n] in rows of four, uint8: black where one is silent, white where it says most."""
    height, width = fit_size(maps, _TILE_SIDE)
    tops = np.maximum(np.quantile(_inside(maps), 0.995, axis=(0, 1)), 1e-6)
    pixels = (255 * np.clip(maps / tops, 0, 1)).astype(np.uint8)
    way = Image.Resampling.NEAREST if maps.shape[0] < height else Image.Resampling.BOX
    sheet = Image.new("L", (_COLUMNS * width, -(-maps.shape[-1] // _COLUMNS) * height))
    for index in range(maps.shape[-1]):
        tile = Image.fromarray(np.ascontiguousarray(pixels[..., index])).resize((width, height), way)
        sheet.paste(tile, (index % _COLUMNS * width, index // _COLUMNS * height))
    return np.asarray(sheet)


def like_places(features: np.ndarray) -> np.ndarray:
    """Colours [h, w, 3], uint8, of the places of features [h, w, channels]: their three main components."""
    flat = features.reshape(-1, features.shape[-1])
    flat = flat - flat.mean(0)
    _, vectors = np.linalg.eigh(flat.T @ flat)
    parts = flat @ vectors[:, :-4:-1]
    signs = np.sign(parts[np.abs(parts).argmax(0), range(3)])  # which eigenvectors leave open
    spread = np.maximum(2.5 * parts.std(0), 1e-6)
    colors = 127.5 + 127.5 * np.clip(signs * parts / spread, -1, 1)
    return colors.reshape(*features.shape[:2], 3).astype(np.uint8)


def _inside(features: np.ndarray) -> np.ndarray:
    """Without the border, beyond which the network sees what isn't there."""
    return features[1:-1, 1:-1] if min(features.shape[:2]) > 4 else features


def _gram(features: np.ndarray, channels: list[int]) -> np.ndarray:
    from nst_keras.losses.moments import gram_matrix

    return np.asarray(gram_matrix(features[np.newaxis][..., channels])[0])


def _png(pixels: np.ndarray) -> str:
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, "PNG")
    return base64.b64encode(buffer.getvalue()).decode()
