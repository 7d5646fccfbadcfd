"""The protocol messages of TensorFlow Serving, without importing TensorFlow.

`tensorflow-serving-api` has them, and imports those for tensors from the `tensorflow` package, whose import
takes seconds. Each of those is one generated file that needs protobuf alone, so while they are imported, an
empty module that only knows the package's folder stands for `tensorflow`. Then it is taken away, and a later
`import tensorflow` finds everything as if nothing had been: protobuf takes the same file twice.
"""

# ruff: noqa: F401  these names are for others to import

import importlib.util
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import ModuleType

_PACKAGE = "tensorflow"
_lock = threading.Lock()


@contextmanager
def _without_tensorflow() -> Iterator[None]:
    with _lock:
        if _PACKAGE in sys.modules:
            yield  # it is loaded already, or being loaded
            return
        spec = importlib.util.find_spec(_PACKAGE)
        stand_in = ModuleType(_PACKAGE)
        stand_in.__path__ = list(spec.submodule_search_locations or ()) if spec else []
        sys.modules[_PACKAGE] = stand_in
        try:
            yield
        finally:
            for name in [name for name in sys.modules if name.partition(".")[0] == _PACKAGE]:
                del sys.modules[name]


with _without_tensorflow():
    from tensorflow.core.example import example_pb2
    from tensorflow.core.framework import tensor_pb2, types_pb2
    from tensorflow.core.protobuf import meta_graph_pb2, saved_model_pb2
    from tensorflow_serving.apis import (
        classification_pb2,
        get_model_metadata_pb2,
        get_model_status_pb2,
        inference_pb2,
        input_pb2,
        model_management_pb2,
        model_pb2,
        model_service_pb2_grpc,
        predict_pb2,
        prediction_log_pb2,
        prediction_service_pb2_grpc,
        regression_pb2,
    )
    from tensorflow_serving.config import model_server_config_pb2
