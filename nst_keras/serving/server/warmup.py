"""Requests that a model server answers to itself before it takes others', so that the first isn't slow.

TensorFlow Serving reads them from `assets.extra/tf_serving_warmup_requests`, a TFRecord of `PredictionLog`.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import tensorflow as tf

from nst_keras.serving.protocol.protos import prediction_log_pb2
from nst_keras.serving.protocol.tensors import to_proto
from nst_keras.serving.server.loaded_model import WARMUP_FILE

Request = tuple[str, Mapping[str, np.ndarray]]


def write_warmup(saved_model: Path, requests: Sequence[Request]) -> None:
    """Puts requests into a SavedModel's folder.

    Args:
        saved_model: The folder.
        requests: Name of the signature and an array for each of its inputs; at most 1000.
    """
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
