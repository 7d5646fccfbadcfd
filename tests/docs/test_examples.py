"""The script and the notebook for Python users run from top to bottom."""

import json
import runpy
from pathlib import Path
from typing import Any

import pytest

from nst_keras.pictures.images import read_settings

EXAMPLES = Path(__file__).parents[2] / "docs" / "examples"


@pytest.mark.large  # the pages' code is run every time
def test_the_script_prints_what_a_reader_expects(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], real_weights: object
) -> None:
    monkeypatch.chdir(tmp_path)
    runpy.run_path(str(EXAMPLES / "first_pictures.py"))
    printed = capsys.readouterr().out
    for words in (
        "an array of uint8 (171, 256, 3) saved as pictures/night.png",
        "made from sample:flower in 4 steps",
        "one picture in 7 forms: True",
        "refused: content: floating point must lie in 0..1 or 0..255",
        "gray: (64, 96, 3)",
        "transparent: RGBA",
        "blended: (64, 96, 3) batch: (2, 64, 96, 3)",
        "stopped after 2 steps; starts from: content",
    ):
        assert words in printed
    assert read_settings(tmp_path / "pictures" / "ink.jpg")["content"] == "sample:flower"


@pytest.mark.large
def test_the_notebook_runs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], real_weights: object
) -> None:
    monkeypatch.chdir(tmp_path)
    notebook = json.loads((EXAMPLES / "first_pictures.ipynb").read_text(encoding="utf-8"))
    names: dict[str, Any] = {}
    values = []
    for cell in notebook["cells"]:
        if cell["cell_type"] == "code":
            assert cell["outputs"] == [], "the notebook is kept without outputs"
            *lines, last = _statements("".join(cell["source"]))
            for line in lines:
                exec(line, names)
            values.append(eval(last, names))
    assert values[1]._repr_png_() is not None
    assert values[2].shape == (85, 128, 3) and "4/4" in capsys.readouterr().err
    assert values[3] == Path("pictures/ink.png") and read_settings(tmp_path / values[3])
    assert values[4:] == [True, "RGBA", [(43, 64, 3), (43, 64, 3)]]


def _statements(code: str) -> list[Any]:
    """Compiled statements; the last one, whose value a notebook shows, as an expression."""
    import ast

    *body, last = ast.parse(code).body
    assert isinstance(last, ast.Expr)
    compiled = [compile(ast.Module([line], []), "notebook", "exec") for line in body]
    return [*compiled, compile(ast.Expression(last.value), "notebook", "eval")]
