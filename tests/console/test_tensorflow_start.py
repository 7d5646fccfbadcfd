"""What TensorFlow's start leaves aside."""

import gc
import importlib
import subprocess
import sys
from pathlib import Path

import pytest

from nst_keras.console import tensorflow_start


def test_what_is_seldom_used_is_executed_when_it_is_asked_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "seldom").mkdir()
    (tmp_path / "seldom" / "__init__.py").write_text("from seldom.part import answer\nother = 1\n")
    (tmp_path / "seldom" / "part.py").write_text("answer = 42\n")
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setattr(sys, "meta_path", [*sys.meta_path])
    monkeypatch.setattr(tensorflow_start, "_SELDOM_USED", {"seldom"})
    try:
        with tensorflow_start._soon_imported():
            importlib.import_module("seldom")
            seldom = importlib.import_module("seldom")
        assert "seldom.part" not in sys.modules
        assert (seldom.answer, seldom.other) == (42, 1)
        with pytest.raises(AttributeError, match="seldom"):
            _ = seldom.lost
    finally:
        for name in ("seldom", "seldom.part"):
            sys.modules.pop(name, None)
    assert gc.isenabled()


@pytest.mark.large
def test_keras_brings_neither_scikit_learn_nor_matplotlib_but_can() -> None:
    code = (
        "import sys\n"
        "from nst_keras.console.tensorflow_start import import_tensorflow_quietly\n"
        "import_tensorflow_quietly()\n"
        "import keras\n"
        "print({'tensorflow', 'sklearn', 'scipy.stats', 'matplotlib'} & {*sys.modules})\n"
        "print(keras.wrappers.SKLearnClassifier.__name__, callable(keras.visualization.plot_image_gallery))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert (done.stdout, done.stderr) == ("{'tensorflow'}\nSKLearnClassifier True\n", "")
