"""Requests that a model server answers to itself before it takes others', so that the first isn't slow.

TensorFlow Serving reads them from `assets.extra/tf_serving_warmup_requests`, a TFRecord of `PredictionLog`.
"""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import numpy as np
import tensorflow as tf

from nst_keras.serving.protocol.protos import prediction_log_pb2
from nst_keras.serving.protocol.signatures import DEFAULT_SIGNATURE
from nst_keras.serving.protocol.status_codes import ServingError
from nst_keras.serving.protocol.tensors import from_proto, to_proto

WARMUP_FILE = Path("assets.extra", "tf_serving_warmup_requests")
MOST_WARMUP_RECORDS = 1000  # as TensorFlow Serving

Request = tuple[str, Mapping[str, np.ndarray]]


def write_warmup(saved_model: Path, requests: Sequence[Request]) -> None:
    """Puts at most 1000 requests, signature and an array for each of its inputs, into a SavedModel."""
    path = saved_model / WARMUP_FILE
    path.parent.mkdir(exist_ok=True)
    with tf.io.TFRecordWriter(str(path)) as writer:
        for signature, inputs in requests:
            log = prediction_log_pb2.PredictionLog()
            request = log.predict_log.request
            request.model_spec.name, request.model_spec.signature_name = "model", signature
            for name, array in inputs.items():
                request.inputs[name].CopyFrom(to_proto(array))
            writer.write(log.SerializeToString(deterministic=True))


def read_warmup(path: Path) -> Iterator[tuple[str, dict[str, np.ndarray]]]:
    """Reads a `WARMUP_FILE`, if it is there; what isn't a request to Predict raises, and so does damage."""
    if not path.exists():
        return
    for record in tf.data.TFRecordDataset(str(path)).take(MOST_WARMUP_RECORDS).as_numpy_iterator():
        log = prediction_log_pb2.PredictionLog.FromString(record)
        if log.WhichOneof("log_type") != "predict_log":
            raise ServingError("UNIMPLEMENTED", "only requests to Predict are replayed")
        request = log.predict_log.request
        inputs = {name: from_proto(message) for name, message in request.inputs.items()}
        yield request.model_spec.signature_name or DEFAULT_SIGNATURE, inputs
