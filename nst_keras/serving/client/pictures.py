"""Pictures to and from served models: stylizers, which return a picture, and classifiers, which name one.

What a model takes is read from its signature `serve_image_bytes`; which styles it has, from `describe`.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from nst_keras.errors import InputError
from nst_keras.serving.client.client import Client
from nst_keras.serving.client.picture_options import make_options
from nst_keras.serving.client.settings import PictureSettings
from nst_keras.serving.protocol.model_spec import ModelSpec
from nst_keras.serving.protocol.signatures import (
    DESCRIBE_SIGNATURE,
    PICTURE,
    PICTURE_SIGNATURE,
    STYLE_WEIGHTS,
    Signature,
    find_signature,
)
from nst_keras.serving.protocol.status_codes import ServingError


@dataclass(frozen=True)
class Classification:
    """The most probable class of a picture, its probability, and those of all classes in their order."""

    class_name: str
    probability: float
    probabilities: tuple[float, ...]


class PictureModel:
    """A served model that takes encoded pictures, as the server says; may be used by several threads.

    `is_classifier` tells whether it names pictures instead of painting them.

    Raises:
        InputError: If the model takes no pictures, or hasn't the style or the setting that is asked for.
    """

    def __init__(
        self, client: Client, model: ModelSpec, settings: PictureSettings = PictureSettings()
    ) -> None:
        self._client, self._model = client, model
        signatures = client.signatures(model)
        signature = find_signature(signatures, PICTURE_SIGNATURE)
        if PICTURE not in signature.inputs:
            raise InputError(f"{model.name}: its signature {PICTURE_SIGNATURE} takes no {PICTURE}")
        self.is_classifier = PICTURE not in signature.outputs
        styles = read_styles(client, model, signatures) if STYLE_WEIGHTS in signature.inputs else []
        self.options = make_options(model, signature, styles, settings)

    def paint(self, picture: bytes) -> bytes:
        """Returns the picture in the style; both as a file has them, in formats that the model knows."""
        painted: bytes = self._call(picture)[PICTURE][0]
        return painted

    def classify(self, picture: bytes) -> Classification:
        """Returns what the picture shows."""
        return self.classify_all([picture])[0]

    def classify_all(self, pictures: Sequence[bytes]) -> list[Classification]:
        """Returns what each of some pictures shows; the model may limit how many there are in a request."""
        outputs = self._call(*pictures)
        keys = ("class_name", "probability", "probabilities")
        try:
            answers = zip(*(outputs[key] for key in keys), strict=True)
        except KeyError as error:
            received = ", ".join(outputs)
            raise InputError(f"{self._model.name}: must return {error}. Received: {received}") from error
        return [
            Classification(name.decode(), float(own), tuple(map(float, all_))) for name, own, all_ in answers
        ]

    def _call(self, *pictures: bytes) -> dict[str, np.ndarray]:
        options = {name: [value] * len(pictures) for name, value in self.options.items()}
        return self._client.predict(self._model, {PICTURE: pictures, **options}, PICTURE_SIGNATURE)


def read_description(client: Client, model: ModelSpec, signatures: Mapping[str, Signature]) -> dict[str, Any]:
    """Returns the model's card, from its signature `describe`."""
    if DESCRIBE_SIGNATURE not in signatures:
        there = ", ".join(sorted(signatures))
        raise InputError(
            f"{model.name}: doesn't describe itself: it has no signature {DESCRIBE_SIGNATURE}, but {there}"
        )
    signature = signatures[DESCRIBE_SIGNATURE]
    # TensorFlow Serving's REST API calls nothing without inputs, so there may be one that doesn't matter.
    inputs = {}
    for name, spec in signature.inputs.items():
        shape = [size or 1 for size in spec.shape or ()]
        inputs[name] = np.full(shape, b"" if spec.dtype == object else 0, spec.dtype)
    try:
        text = client.predict(model, inputs, DESCRIBE_SIGNATURE)["description"].ravel()[0]
    except ServingError as error:
        if error.code != "INVALID_ARGUMENT" or inputs:
            raise
        reason = f"its signature {DESCRIBE_SIGNATURE} can't be called without inputs by REST; use gRPC"
        raise InputError(f"{model.name}: {reason} ({error})") from error
    try:
        card: dict[str, Any] = json.loads(text)
    except ValueError as error:
        raise InputError(f"{model.name}: its description is no JSON: {error}") from error
    return card


def read_styles(client: Client, model: ModelSpec, signatures: Mapping[str, Signature]) -> list[str]:
    """Returns the names of a stylizer's styles."""
    return [str(name) for name in read_description(client, model, signatures).get("styles", [])]
