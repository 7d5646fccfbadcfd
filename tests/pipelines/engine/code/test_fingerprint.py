"""Fingerprints change with everything that outputs follow from, and with nothing else."""

import importlib.metadata
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from nst_keras.errors import InputError
from nst_keras.storage import files
from pipelines.engine.code import fingerprint as module
from pipelines.engine.code.fingerprint import Code, fingerprint, read_code
from pipelines.engine.code.sources import SourceCache

STAGE = '''"""A stage."""

import json

from {name}_top import double


def stage(config):
    """Works."""
    from {name}_inside import triple

    # triple it
    return triple(double(config))
'''


@pytest.fixture
def code(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Code]:
    """Reads the code of a stage of three modules, some of them with another text."""
    name = f"code_{tmp_path.name}"
    monkeypatch.syspath_prepend(tmp_path)

    def read(stage: str = STAGE, top: str = "", inside: str = "") -> Code:
        texts = {
            name: stage.format(name=name),
            f"{name}_top": top or "def double(x):\n    return 2 * x\n",
            f"{name}_inside": inside or "import numpy\n\ndef triple(x):\n    return 3 * x\n",
        }
        for each, text in texts.items():
            (tmp_path / f"{each}.py").write_text(text)
        return read_code(name)

    return read


def test_all_modules_are_followed(code: Callable[..., Code]) -> None:
    found = code()
    assert [name.rpartition("_")[2] for name in found.modules[1:]] == ["inside", "top"]
    assert found.libraries == {"numpy": importlib.metadata.version("numpy")}


def test_comments_docstrings_and_layout_do_not_count(code: Callable[..., Code]) -> None:
    before = code().digest
    assert code(STAGE.replace('"""Works."""', '"""Other words."""')).digest == before
    assert code(STAGE.replace('    """Works."""\n', "")).digest == before
    assert code(STAGE.replace("# triple it", "# other words")).digest == before
    assert code(STAGE.replace("\n\n", "\n\n\n")).digest == before
    assert (
        code(top='"""Said."""\n\n\ndef double(x):\n    """Said."""\n    return (2 * x)  # why\n').digest
        == before
    )


def test_code_counts_wherever_it_is_imported(code: Callable[..., Code]) -> None:
    digests = {
        code().digest,
        code(STAGE.replace("triple(double(config))", "triple(config)")).digest,
        code(top="def double(x):\n    return x + x\n").digest,
        code(inside="def triple(x):\n    return 3.0 * x\n").digest,
        code(top="def double(x):\n    'text'\n    return 2 * x\n\nLIMIT = 'text'\n").digest,
    }
    assert len(digests) == 5


def test_packages_count_with_all_that_they_lie_in(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    name = f"pack_{tmp_path.name}"
    monkeypatch.syspath_prepend(tmp_path)
    inner = tmp_path / name / "inner"
    inner.mkdir(parents=True)
    (tmp_path / name / "__init__.py").write_text("")
    (inner / "__init__.py").write_text("from . import helper")
    (inner / "helper.py").write_text("from ..other import *")
    (tmp_path / name / "other.py").write_text("VALUE = 1")
    (inner / "stage.py").write_text("from .helper import VALUE")
    found = read_code(f"{name}.inner.stage")
    parts = ("", ".inner", ".inner.helper", ".inner.stage", ".other")
    assert found.modules == tuple(f"{name}{part}" for part in parts)
    (tmp_path / name / "other.py").write_text("VALUE = 2")
    assert read_code(f"{name}.inner.stage").digest != found.digest


def test_a_circle_of_imports_ends(code: Callable[..., Code], tmp_path: Path) -> None:
    name = f"code_{tmp_path.name}"
    assert len(code(top=f"import {name}\n\ndef double(x):\n    return x\n").modules) == 3


def test_a_librarys_version_counts(monkeypatch: pytest.MonkeyPatch) -> None:
    def number(versions: dict[str, str]) -> str:
        return fingerprint("stage", Code("digest", (), versions), {}, {}, [], {})

    assert number({"numpy": "2.1"}) != number({"numpy": "2.2"})
    assert number({"numpy": "2.1"}) == number({"numpy": "2.1"})


def test_a_library_that_goes_by_another_name_counts(code: Callable[..., Code]) -> None:
    found = code(top="import sklearn.svm, _pytest, yaml, nowhere_at_all\n\ndef double(x):\n    return x\n")
    assert found.libraries["scikit-learn"] == importlib.metadata.version("scikit-learn")
    assert importlib.metadata.version("pytest") in found.libraries["_pytest"]
    assert importlib.metadata.version("pyyaml").lower() in found.libraries["yaml"].lower()
    assert "nowhere_at_all" not in found.libraries


def test_stages_of_the_package_are_read_without_being_imported() -> None:
    loaded = set(sys.modules)
    found = read_code("pipelines.stages.trainer")
    assert {"keras", "tensorflow"} <= found.libraries.keys()
    assert "nst_keras.classifiers.trainer" in found.modules
    assert set(sys.modules) - loaded <= {"pipelines"}


def test_everything_else_counts_too() -> None:
    code = Code("digest", (), {})
    numbers = {
        fingerprint("stage", code, {"rate": 1}, {"model": ["Model", "a"]}, ["x"], {"cpu": "a"}),
        fingerprint("other", code, {"rate": 1}, {"model": ["Model", "a"]}, ["x"], {"cpu": "a"}),
        fingerprint("stage", code, {"rate": 2}, {"model": ["Model", "a"]}, ["x"], {"cpu": "a"}),
        fingerprint("stage", code, {"rate": 1}, {"model": ["Model", "b"]}, ["x"], {"cpu": "a"}),
        fingerprint("stage", code, {"rate": 1}, {"baseline": ["Model", "a"]}, ["x"], {"cpu": "a"}),
        fingerprint("stage", code, {"rate": 1}, {"model": ["Model", "a"]}, ["y"], {"cpu": "a"}),
        fingerprint("stage", Code("d", (), {}), {"rate": 1}, {"model": ["Model", "a"]}, ["x"], {"cpu": "a"}),
        fingerprint("stage", code, {"rate": 1}, {"model": ["Model", "a"]}, ["x"], {"cpu": "b"}),
    }
    assert len(numbers) == 8


def test_files_are_parsed_once(
    code: Callable[..., Code], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    name = f"code_{tmp_path.name}"
    code()
    monkeypatch.setattr(files, "_COARSEST_CLOCK_NS", 0)  # as if some time had gone by
    sources = SourceCache(tmp_path / "sources.json")
    first = read_code(name, sources.source)
    with monkeypatch.context() as patched:
        patched.setattr(module.ast, "parse", lambda *arguments: pytest.fail("was parsed again"))
        assert read_code(name, sources.source) == first
    (tmp_path / f"{name}_top.py").write_text("def double(x):\n    return x + x + 0\n")
    assert read_code(name, sources.source).digest != first.digest


def test_what_is_not_python_is_named(code: Callable[..., Code]) -> None:
    with pytest.raises(InputError, match=r"_inside\.py, line 2: "):
        code(inside="def triple(x):\n    return (\n")
