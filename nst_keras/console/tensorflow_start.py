"""TensorFlow's start, which would fill a terminal with notes and load much that no command uses."""

import gc
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from importlib.abc import Loader
from importlib.machinery import ModuleSpec, PathFinder
from types import ModuleType
from typing import Any

# Keras imports all of scikit-learn, SciPy's statistics and Matplotlib for these: a third of its start.
_SELDOM_USED = frozenset(
    {"keras.src.visualization", "keras.src.wrappers", "keras.visualization", "keras.wrappers"}
)


def import_tensorflow_quietly(*, start: bool = True) -> None:
    """Imports TensorFlow without its notes, and starts it, unless a strategy must be made before that."""
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    sys.stderr.flush()
    kept, sink = os.dup(2), os.open(os.devnull, os.O_WRONLY)
    os.dup2(sink, 2)
    try:
        with nullcontext() if "tensorflow" in sys.modules else _soon_imported():
            import tensorflow as tf

        if start:
            tf.config.list_logical_devices()
    finally:
        os.dup2(kept, 2)
        os.close(kept)
        os.close(sink)


def load_seldom_used_later() -> None:
    """Has Keras, whenever this process imports it, load what is seldom used when that is asked for."""
    if _LazyFinder not in sys.meta_path:
        sys.meta_path.insert(0, _LazyFinder)


@contextmanager
def _soon_imported() -> Iterator[None]:
    """Leaves aside what is seldom used, and the search for garbage among what stays for good."""
    load_seldom_used_later()
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        gc.freeze()
        if was_enabled:
            gc.enable()


class _LazyFinder:
    """Finds modules that are executed when something of them is asked for."""

    @staticmethod
    def find_spec(name: str, path: Any = None, target: Any = None) -> ModuleSpec | None:
        spec = PathFinder.find_spec(name, path, target) if name in _SELDOM_USED else None
        if spec and spec.loader:
            spec.loader = _LazyLoader(spec.loader)
        return spec


class _LazyLoader(Loader):
    """Unlike importlib's, leaves a module alone that is only imported again, as Keras does."""

    def __init__(self, loader: Loader) -> None:
        self._loader = loader

    def exec_module(self, module: ModuleType) -> None:
        def execute(name: str) -> Any:
            del module.__getattr__
            self._loader.exec_module(module)
            return getattr(module, name)

        module.__getattr__ = execute  # type: ignore[method-assign]
