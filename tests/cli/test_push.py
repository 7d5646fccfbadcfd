"""nst-push as an operator runs it."""

from collections.abc import Callable
from pathlib import Path

import pytest

from nst_keras.cli import push


@pytest.fixture
def source(tmp_path: Path) -> Path:
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "saved_model.pb").write_bytes(b"first")
    return tmp_path


def test_push_and_go_back(run_main: Callable, source: Path) -> None:
    for number, content in enumerate((b"one", b"two"), start=1):
        (source / "out" / "saved_model.pb").write_bytes(content)
        done = run_main(push.main, "--saved_model=out", "--name=flowers")
        assert (done.returncode, done.stdout) == (0, f"saved_models/flowers/{number}\n")
    done = run_main(push.main, "--rollback", "--name=flowers", "--keep=1")
    assert done.stdout == "saved_models/flowers/3\n"
    assert (source / "saved_models/flowers/3/saved_model.pb").read_bytes() == b"one"
    assert not (source / "saved_models/flowers/2").exists()


@pytest.mark.parametrize(
    "flags,code,message",
    [
        (["--saved_model=out"], 2, "--name is missing"),
        (["--name=a"], 2, "--saved_model is missing"),
        (["--name=a", "--saved_model=none"], 1, "none: is not a SavedModel"),
        (["--name=a/b", "--saved_model=out"], 1, "name must be"),
        (["--name=a", "--rollback"], 1, "saved_models/a: does not exist"),
        (["--name=a", "--rollback", "--saved_model=out"], 2, "--rollback takes neither"),
        (["--name=a", "--to=1", "--saved_model=out"], 2, "--to needs --rollback"),
        (["--name=a", "--saved_model=out", "--keep=-1"], 2, "keep"),
        (["out"], 2, "unexpected argument 'out'"),
    ],
)
def test_bad_input_is_named(
    run_main: Callable, source: Path, flags: list[str], code: int, message: str
) -> None:
    done = run_main(push.main, *flags)
    assert done.returncode == code, done.stderr
    assert message in done.stderr
    assert "Traceback" not in done.stderr
