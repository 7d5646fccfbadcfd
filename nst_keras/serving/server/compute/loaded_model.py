"""A SavedModel in memory: its signatures, called with NumPy arrays."""

import re
import time
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import tensorflow as tf

from nst_keras.errors import InputError
from nst_keras.served.store import check_version
from nst_keras.serving.protocol.signatures import find_signature, read_signatures
from nst_keras.serving.protocol.status_codes import HTTP_STATUSES, ServingError
from nst_keras.serving.server.compute.definitions import read_definitions
from nst_keras.serving.server.compute.warmup import WARMUP_FILE, read_warmup

_CODES = dict(enumerate(("OK", *HTTP_STATUSES)))  # TensorFlow numbers its errors as gRPC does
# Words of TensorFlow's decoders of pictures.
_OF_A_DECODER = re.compile(r"\b(PNG|JPEG|GIF|BMP|WebP)\b|^Input is empty|^Input size should match")


class LoadedModel:
    """One version of a model: its files checked against their manifest, loaded, warm-up requests replayed.

    `definitions` are the signatures' messages by name, for metadata; `seconds` is what loading took.
    """

    def __init__(self, folder: Path) -> None:
        began = time.monotonic()
        check_version(folder)
        self.definitions = read_definitions(folder)
        self.signatures = read_signatures(self.definitions)
        try:
            self._module = tf.saved_model.load(str(folder))
        # Damaged files make TensorFlow raise almost anything.
        except Exception as error:
            raise InputError(f"{folder}: cannot be loaded: {_sentence(error)}") from error
        warmup = folder / WARMUP_FILE
        try:
            for signature, inputs in read_warmup(warmup):
                self.run(signature, inputs)
        except (ServingError, tf.errors.OpError, ValueError) as error:
            raise InputError(f"{warmup}: a warm-up request failed: {_sentence(error)}") from error
        self.seconds = time.monotonic() - began

    def close(self) -> None:
        """Nothing: it goes with the last that refers to it."""

    def run(self, signature_name: str, inputs: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
        """Calls a signature with an array for each of its inputs."""
        signature = find_signature(self.signatures, signature_name)
        signature.check(inputs)
        tensors = {
            name: tf.constant(array, tf.string if array.dtype == object else array.dtype)
            for name, array in inputs.items()
        }
        try:
            outputs = self._module.signatures[signature_name](**tensors)
            return {
                name: np.array(outputs[name].numpy(), dtype=spec.dtype, copy=None)
                for name, spec in signature.outputs.items()
            }
        except tf.errors.OpError as error:
            message = _name_picture(inputs, _sentence(error))
            raise ServingError(_CODES.get(error.error_code, "UNKNOWN"), message) from error
        except MemoryError as error:
            raise ServingError("RESOURCE_EXHAUSTED", "there is not enough memory for this request") from error


def _name_picture(inputs: Mapping[str, np.ndarray], sentence: str) -> str:
    """Says which file of a batch can't be decoded, where TensorFlow's sentence doesn't."""
    if not _OF_A_DECODER.search(sentence) or re.search(r"\bpicture \d", sentence):
        return sentence
    for name, array in inputs.items():
        if array.dtype != object or array.ndim != 1:
            continue
        for index, data in enumerate(array):
            try:
                tf.io.decode_image(data, expand_animations=False)
            except tf.errors.OpError:
                return f"picture {index} of {name} cannot be decoded: {sentence}"
    return sentence


def _sentence(error: Exception) -> str:
    """What somebody wrote, without the names of nodes and calls that TensorFlow puts around it."""
    text = str(getattr(error, "message", None) or error).strip()
    several = re.search(r"\(0\) [A-Z_]+:\s*(.+)", text)  # of several errors at once, the first
    text = several[1] if several else text.rpartition("<stack traces unavailable>\n")[2]
    text = re.sub(r"^\{\{.*?\}\}\s*|\s*\[Op:\w*\]|\s*\[\[\{\{node .*", "", text.partition("\n")[0])
    # What tf.debugging.Assert adds to a single sentence.
    return re.sub(r"^assertion failed: \[([^\[\]]*)\]$", r"\1", text.strip()) or type(error).__name__
