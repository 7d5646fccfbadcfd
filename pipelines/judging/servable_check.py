"""Loads a SavedModel with TensorFlow alone and sends it requests; a program for a process of its own.

It is loaded twice: as Python programs do, and into a session of C++, as TensorFlow Serving does.

    python -P servable_check.py SAVED_MODEL REQUESTS.json RESULT.json SECONDS

Keras and our own packages can't be imported there, as in a model server. What is wrong with the model goes to
the result file; if there is none afterwards, the process was ended by what it loaded.
"""

import base64
import json
import resource
import signal
import sys
import time
from pathlib import Path
from typing import Any

BLOCKED = ("keras", "nst_keras", "pipelines")
_SUM_ERROR = 1e-3  # of probabilities
# Most that an answer may be away from the trained model's: probabilities, and pixels on 0..255 in the mean,
# which a JPEG changes by some.
_MOST_AWAY = {"probabilities": 0.01, "pixels": 4.0}
_MIB = 1 << 20


def main() -> None:
    """Checks a model, and writes `problems`, `answered`, `load_seconds` and `peak_mib`."""
    folder, requests, result, seconds = sys.argv[1:]
    signal.alarm(int(seconds))  # so that it ends even when nobody is left who would end it
    for name in BLOCKED:
        sys.modules[name] = None  # type: ignore[assignment]
    findings = check(folder, json.loads(Path(requests).read_text()))
    findings["peak_mib"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 // _MIB
    Path(result).write_text(json.dumps(findings))


def check(folder: str, requests: list[dict[str, Any]]) -> dict[str, Any]:
    """Loads a SavedModel and sends requests: "name", "signature", types and tensors (base64) of "inputs".

    A request may have "wanted", tensors likewise: what the trained model answers.
    """
    import tensorflow as tf

    began = time.monotonic()
    try:
        model = tf.saved_model.load(folder)
    except Exception as error:  # damaged files make TensorFlow raise almost anything
        return {"problems": [f"it can't be loaded: {_first_line(error)}"], "answered": 0}
    seconds = time.monotonic() - began
    try:
        session = SessionModel(folder)
    except Exception as error:
        reason = f"TensorFlow Serving's loader can't load it: {_first_line(error)}"
        return {"problems": [reason], "answered": 0}
    answers = [_ask(model, session, request) for request in requests]
    pairs = zip(requests, answers, strict=True)
    problems = [f"{request['name']}: {fault}" for request, faults in pairs for fault in faults]
    return {"problems": problems, "answered": answers.count([]), "load_seconds": round(seconds, 2)}


class SessionModel:
    """A SavedModel in a session, by TensorFlow Serving's own loader; `signatures` are messages by name."""

    def __init__(self, folder: str) -> None:
        import tensorflow as tf

        self._session = tf.compat.v1.Session(graph=tf.Graph())
        meta_graph = tf.compat.v1.saved_model.loader.load(self._session, [tf.saved_model.SERVING], folder)
        self.signatures = dict(meta_graph.signature_def)

    def run(self, signature: str, inputs: dict[str, Any]) -> dict[str, Any]:
        """Calls a signature with arrays, and returns arrays; what is left out has its default, as there."""
        import tensorflow as tf

        definition = self.signatures[signature]
        defaults = {name: tf.make_ndarray(value) for name, value in definition.defaults.items()}
        fed = {definition.inputs[name].name: array for name, array in {**defaults, **inputs}.items()}
        fetched = {name: info.name for name, info in definition.outputs.items()}
        outputs: dict[str, Any] = self._session.run(fetched, fed)
        return outputs


def _ask(model: Any, session: SessionModel, request: dict[str, Any]) -> list[str]:
    """Sends a request; returns what is wrong with the answer."""
    signature = model.signatures.get(request["signature"])
    if signature is None:
        return [f"it has no signature {request['signature']}"]
    inputs, wanted = (_tensors(request.get(key, {})) for key in ("inputs", "wanted"))
    try:
        outputs = signature(**inputs)
    except Exception as error:  # a model may do anything
        return [f"it fails: {_first_line(error)}"]
    faults = _faults(signature, outputs, int(next(iter(inputs.values())).shape[0]))
    faults = faults or [fault for name, answer in wanted.items() for fault in _unlike(name, answer, outputs)]
    return faults or _in_session(session, request["signature"], inputs, outputs)


def _in_session(session: SessionModel, signature: str, inputs: dict[str, Any], wanted: Any) -> list[str]:
    """What is wrong with the answer in a session, if it isn't the same."""
    try:
        outputs = session.run(signature, {name: tensor.numpy() for name, tensor in inputs.items()})
    except Exception as error:  # a model may do anything
        return [f"as TensorFlow Serving loads it, it fails: {_first_line(error)}"]
    return [
        f"as TensorFlow Serving loads it, it gives another {name}"
        for name, array in sorted(outputs.items())
        if not _is_same(array, wanted[name].numpy())
    ]


def _is_same(array: Any, wanted: Any) -> bool:
    import numpy as np

    if array.shape != wanted.shape or array.dtype.kind != wanted.dtype.kind:
        return False
    if array.dtype.kind == "O":
        pairs = zip(array.ravel(), wanted.ravel(), strict=True)
        return all(one == other or _is_same_picture(one, other) for one, other in pairs)
    return np.allclose(array, wanted, rtol=1e-3, atol=1e-2)


def _is_same_picture(one: bytes, other: bytes) -> bool:
    """Whether two files hold one picture, but for levels that were rounded in another way."""
    import tensorflow as tf

    try:
        pictures = [tf.cast(tf.io.decode_image(data, 3), tf.float32) for data in (one, other)]
    except tf.errors.InvalidArgumentError:
        return False
    same = pictures[0].shape == pictures[1].shape
    return same and float(tf.reduce_mean(tf.abs(pictures[0] - pictures[1]))) <= _MOST_AWAY["pixels"]


def _tensors(encoded: dict[str, tuple[str, str]]) -> dict[str, Any]:
    import tensorflow as tf

    return {
        name: tf.io.parse_tensor(base64.b64decode(data), tf.dtypes.as_dtype(dtype))
        for name, (dtype, data) in encoded.items()
    }


def _unlike(name: str, wanted: Any, outputs: dict[str, Any]) -> list[str]:
    """In what an answer differs from the trained model's."""
    import tensorflow as tf

    found = outputs.get(name)
    if name == "pixels" and "image_bytes" in outputs:
        found = tf.cast(tf.io.decode_image(outputs["image_bytes"][0], 3)[None], tf.float32)
    if found is None or found.shape != wanted.shape:
        shape = "none" if found is None else found.shape
        return [f"{name} must have the trained model's shape {wanted.shape}. Received: {shape}"]
    away = tf.abs(found - wanted)
    most = float(tf.reduce_mean(away) if name == "pixels" else tf.reduce_max(away))
    if most <= _MOST_AWAY[name]:
        return []
    return [f"{name} are {most:.3g} away from the trained model's, more than {_MOST_AWAY[name]:g}"]


def _faults(signature: Any, outputs: dict[str, Any], size: int) -> list[str]:
    """What is wrong with the answer to a request for so many pictures."""
    import tensorflow as tf

    faults = []
    for name, tensor in sorted(outputs.items()):
        declared = signature.structured_outputs[name]
        if tensor.dtype != declared.dtype or not declared.shape.is_compatible_with(tensor.shape):
            faults.append(f"{name} isn't the {declared.dtype.name} {declared.shape} that it says")
        elif tensor.shape.rank and tensor.shape[0] != size:
            faults.append(f"{name} has {tensor.shape[0]} answers to {size} questions")
        elif tensor.dtype.is_floating and not bool(tf.reduce_all(tf.math.is_finite(tensor))):
            faults.append(f"{name} holds numbers that aren't finite")
        elif name == "probabilities":
            inside = tf.reduce_all((tensor >= 0) & (tensor <= 1))
            if not inside or tf.reduce_any(tf.abs(tf.reduce_sum(tensor, axis=-1) - 1) >= _SUM_ERROR):
                faults.append(f"{name} aren't from 0 to 1, or don't add up to 1")
        elif name == "image_bytes":
            for data in tensor:
                try:
                    tf.io.decode_image(data)
                except tf.errors.OpError as error:
                    faults.append(f"{name} isn't a picture: {_first_line(error)}")
    return faults


def _first_line(error: Exception) -> str:
    text = str(getattr(error, "message", None) or error).strip()
    return text.partition("\n")[0] or type(error).__name__


if __name__ == "__main__":
    main()
