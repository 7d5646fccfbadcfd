"""TensorFlow's start, which would fill a terminal with notes."""

import os
import sys


def import_tensorflow_quietly(*, start: bool = True) -> None:
    """Imports TensorFlow without its notes, and starts it, unless a strategy must be made before that."""
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    sys.stderr.flush()
    kept, sink = os.dup(2), os.open(os.devnull, os.O_WRONLY)
    os.dup2(sink, 2)
    try:
        import tensorflow as tf

        if start:
            tf.config.list_logical_devices()
    finally:
        os.dup2(kept, 2)
        os.close(kept)
        os.close(sink)
