"""What a model of pictures takes beside the picture: styles, their blend, strength, size."""

import dataclasses
import os
from collections.abc import Sequence
from typing import Any

from nst_keras.errors import InputError
from nst_keras.pictures.images import decode_image, encode_image
from nst_keras.pictures.opening import plain_format
from nst_keras.pictures.plan import blend_shares
from nst_keras.serving.client.settings import PictureSettings
from nst_keras.serving.protocol.model_spec import ModelSpec
from nst_keras.serving.protocol.signatures import Signature
from nst_keras.storage.files import open_file

PICTURE_SIGNATURE = "serve_image_bytes"
PICTURE, STYLE_IMAGE = "image_bytes", "style_image_bytes"
STYLE_WEIGHTS, STRENGTH, LONGEST_SIDE = "style_weights", "strength", "longest_side"


def make_options(
    model: ModelSpec, signature: Signature, styles: Sequence[str], settings: PictureSettings
) -> dict[str, Any]:
    """Returns the inputs of `serve_image_bytes` beside the picture.

    Args:
        model: For messages.
        signature: The signature.
        styles: Names of the styles, if it takes weights of them.
        settings: What is asked for; what the model doesn't take must be at its default.
    """
    default = PictureSettings()
    settings = _as_painting(settings, signature)
    given = {
        STYLE_WEIGHTS: (settings.style, default.style, "style"),
        STYLE_IMAGE: (settings.style_image, default.style_image, "style_image"),
        STRENGTH: (settings.strength, default.strength, STRENGTH),
        LONGEST_SIDE: (settings.longest_side, default.longest_side, LONGEST_SIDE),
    }
    known = {PICTURE, *given}
    unknown = ", ".join(sorted(signature.inputs.keys() - known))
    if unknown:
        raise InputError(
            f"{model.name}: its {PICTURE_SIGNATURE} must take {', '.join(known)}. Received: {unknown}"
        )
    for name, (value, usual, flag) in given.items():
        if name not in signature.inputs and value != usual:
            raise InputError(f"{flag} must be left out: {model.name} takes none. Received: {flag}={value}")
    options = {name: value for name, (value, _, _) in given.items() if name in signature.inputs}
    if STYLE_WEIGHTS in options:
        options[STYLE_WEIGHTS] = parse_style(settings.style, styles)
    if STYLE_IMAGE in options:
        if not settings.style_image:
            raise InputError(f"style_image must be a picture: {model.name} takes one. Received: nothing")
        options[STYLE_IMAGE] = read_for_server(settings.style_image)
    return options


def read_for_server(path: str | os.PathLike[str]) -> bytes:
    """Reads a picture so that TensorFlow decodes it as meant: upright, in sRGB, without transparency."""
    with open_file(path) as file:
        data = file.read()
    if plain_format(data, str(path)) in ("JPEG", "PNG"):
        return data
    return encode_image(decode_image(data, str(path)), ".png")


def _as_painting(settings: PictureSettings, signature: Signature) -> PictureSettings:
    """Takes what `style` names for the painting, where a model takes one and no names of styles."""
    takes_no_other = STYLE_IMAGE in signature.inputs and STYLE_WEIGHTS not in signature.inputs
    if takes_no_other and settings.style and not settings.style_image:
        return dataclasses.replace(settings, style="", style_image=settings.style)
    return settings


def parse_style(text: str, styles: Sequence[str]) -> list[float]:
    """Returns a weight for each style; they add up to 1.

    Args:
        text: A name, or names with weights: a:0.7,b:0.3. Empty: the only style that there is.
        styles: All names.
    """
    if not text and len(styles) == 1:
        return [1.0]
    weights = dict.fromkeys(styles, 0.0)
    for part in text.split(","):
        name, _, weight = part.strip().partition(":")
        if name not in weights:
            raise InputError(f"style must be of {', '.join(styles)}. Received: style={text}")
        try:
            weights[name] += float(weight or 1)
        except ValueError as error:
            raise InputError(f"style must have numbers as weights. Received: style={text}") from error
    try:
        return blend_shares(list(weights.values()), len(weights))
    except InputError as error:
        raise InputError(f"style must have weights from 0, and one above. Received: style={text}") from error
