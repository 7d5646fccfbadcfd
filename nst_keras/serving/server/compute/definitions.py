"""The signatures in a SavedModel's file, read without TensorFlow."""

from collections.abc import Mapping
from pathlib import Path

from google.protobuf.message import DecodeError

from nst_keras.errors import InputError
from nst_keras.served.store import SAVED_MODEL_FILE
from nst_keras.serving.protocol.protos import meta_graph_pb2, saved_model_pb2
from nst_keras.storage.files import open_file

_SERVING = "serve"  # the tag of the graph


def read_definitions(folder: Path) -> "Mapping[str, meta_graph_pb2.SignatureDef]":
    """Returns the signatures of a SavedModel by name; raises InputError if there are none."""
    path = folder / SAVED_MODEL_FILE
    with open_file(path) as file:
        data = file.read()
    try:
        document = saved_model_pb2.SavedModel.FromString(data)
    except DecodeError as error:
        raise InputError(f"{path}: is no SavedModel: {error}") from error
    for graph in document.meta_graphs:
        if _SERVING in graph.meta_info_def.tags:
            return dict(graph.signature_def)
    raise InputError(f"{path}: has no graph with the tag {_SERVING!r}")
