"""Picture files as a served model takes them."""

import io
import os

from nst_keras.pictures.images import decode_image, encode_image
from nst_keras.pictures.opening import open_image, pillow_errors
from nst_keras.storage.files import open_file

# What TensorFlow decodes like Pillow; others, and pictures that EXIF turns, are sent as PNG.
_SENT_AS_THEY_ARE = {"JPEG": ("RGB", "L"), "PNG": ("RGB", "L")}
_ORIENTATION, _UPRIGHT = 0x0112, 1


def read_for_server(path: str | os.PathLike[str]) -> bytes:
    """Reads a picture so that TensorFlow decodes it as meant: upright, in sRGB, without transparency."""
    with open_file(path) as file:
        data = file.read()
    with pillow_errors(str(path)):
        image = open_image(io.BytesIO(data))
        plain = (
            image.mode in _SENT_AS_THEY_ARE.get(image.format or "", ()) and "icc_profile" not in image.info
        )
        if plain and image.getexif().get(_ORIENTATION, _UPRIGHT) == _UPRIGHT:
            return data
    return encode_image(decode_image(data, str(path)), ".png")
