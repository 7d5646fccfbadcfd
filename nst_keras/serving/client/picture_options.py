"""What a model of pictures takes beside the picture: styles, their blend, strength, size."""

import dataclasses
import os
from collections.abc import Sequence
from typing import Any

from nst_keras.errors import InputError, did_you_mean
from nst_keras.pictures.images import decode_image, encode_image
from nst_keras.pictures.opening import plain_format
from nst_keras.pictures.plan import blend_shares
from nst_keras.serving.client.settings import PictureSettings
from nst_keras.serving.protocol.model_spec import ModelSpec
from nst_keras.serving.protocol.signatures import PICTURE, PICTURE_SIGNATURE, STYLE_WEIGHTS, Signature
from nst_keras.storage.files import open_file

STYLE_IMAGE = "style_image_bytes"
# Fields of PictureSettings by the inputs that take them.
_FLAGS = {STYLE_WEIGHTS: "style", STYLE_IMAGE: "style_image"}
_FLAGS |= {name: name for name in ("strength", "longest_side")}


def make_options(
    model: ModelSpec, signature: Signature, styles: Sequence[str], settings: PictureSettings
) -> dict[str, Any]:
    """Returns the inputs of `serve_image_bytes` beside the picture; `styles` are the names that it knows.

    Settings that the model doesn't take must be at their defaults.
    """
    settings = _as_painting(settings, signature)
    unknown = ", ".join(sorted(signature.inputs.keys() - {PICTURE, *_FLAGS}))
    if unknown:
        known = ", ".join((PICTURE, *_FLAGS))
        raise InputError(f"{model.name}: its {PICTURE_SIGNATURE} must take {known}. Received: {unknown}")
    options: dict[str, Any] = {}
    for name, flag in _FLAGS.items():
        value = getattr(settings, flag)
        if name in signature.inputs:
            options[name] = value
        elif value != getattr(PictureSettings(), flag):
            raise InputError(f"{flag} must be left out: {model.name} takes none. Received: {flag}={value}")
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
    """Returns a weight for each style, with sum 1, of a name or names with weights: a:0.7,b:0.3.

    Nothing stands for the only style that there is.
    """
    if not text and len(styles) == 1:
        return [1.0]
    weights = dict.fromkeys(styles, 0.0)
    for part in text.split(","):
        name, _, weight = part.strip().partition(":")
        if name not in weights:
            hint = did_you_mean(name, styles)
            raise InputError(f"style must be of {', '.join(styles)}. Received: style={text}{hint}")
        try:
            weights[name] += float(weight or 1)
        except ValueError as error:
            raise InputError(f"style must have numbers as weights. Received: style={text}") from error
    try:
        return blend_shares(list(weights.values()), len(weights))
    except InputError as error:
        raise InputError(f"style must have weights from 0, and one above. Received: style={text}") from error
