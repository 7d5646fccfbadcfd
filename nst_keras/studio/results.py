"""Pictures that are done, as files of every format with their recipe inside."""

import io
from pathlib import Path
from urllib.parse import quote

import numpy as np

from nst_keras.pictures.images import encode_image
from nst_keras.pictures.metadata import Carried, extract_settings, photo_tags
from nst_keras.pictures.opening import open_image, pillow_errors

KINDS = {
    ".png": "image/png",
    ".jpg": "image/jpeg",
    ".jpeg": "image/jpeg",
    ".webp": "image/webp",
    ".tif": "image/tiff",
    ".tiff": "image/tiff",
}


def in_format(data: bytes, suffix: str) -> bytes:
    """A picture of ours, which is a PNG, as the command line would have written it with another suffix."""
    if suffix == ".png":
        return data
    with pillow_errors("the picture"):
        image = open_image(io.BytesIO(data))
        record, carried = extract_settings(image), Carried(None, photo_tags(image))
        pixels = np.asarray(image)
    return encode_image(pixels, suffix, record, carried=carried)


def download_headers(path: Path, suffix: str) -> dict[str, str]:
    """What makes a browser keep a file under a name."""
    return {"Content-Disposition": f"attachment; filename*=UTF-8''{quote(path.with_suffix(suffix).name)}"}
