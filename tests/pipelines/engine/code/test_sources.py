"""What files of code come to is remembered, and found out anew when it may have changed."""

import os
from pathlib import Path

import pytest

from nst_keras.storage import files
from pipelines.engine.code.fingerprint import Source
from pipelines.engine.code.sources import SourceCache


@pytest.fixture
def code(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(files, "_COARSEST_CLOCK_NS", 0)  # as if some time had gone by
    path = tmp_path / "code.py"
    path.write_text("import os")
    return path


def _ask(cache: SourceCache, code: Path) -> tuple[Source, int]:
    """What the cache says, and how often the file was read for that."""
    read: list[str] = []

    def read_source() -> Source:
        read.append(code.read_text())
        return Source(code.read_text(), ("os",))

    return cache.source(code, read_source), len(read)


def test_another_process_needn_t_read_it_again(tmp_path: Path, code: Path) -> None:
    first = SourceCache(tmp_path / "cache" / "sources.json")
    found, times = _ask(first, code)
    assert times == 1 and _ask(first, code) == (found, 0)
    first.keep()
    assert _ask(SourceCache(first.path), code) == (found, 0)


def test_changed_code_is_read_again(tmp_path: Path, code: Path) -> None:
    cache = SourceCache(tmp_path / "sources.json")
    _ask(cache, code)
    code.write_text("import re")  # as many bytes
    os.utime(code, ns=(1, 1))
    assert _ask(cache, code) == (Source("import re", ("os",)), 1)


def test_a_damaged_file_of_it_does_no_harm(tmp_path: Path, code: Path) -> None:
    for text in ("{", "[1]"):
        (tmp_path / "sources.json").write_text(text)
        cache = SourceCache(tmp_path / "sources.json")
        assert _ask(cache, code)[1] == 1
        cache.keep()
        assert _ask(SourceCache(cache.path), code)[1] == 0


def test_where_nothing_can_be_kept_it_still_answers(tmp_path: Path, code: Path) -> None:
    (tmp_path / "file").write_text("")
    cache = SourceCache(tmp_path / "file" / "sources.json")
    assert _ask(cache, code)[1] == 1
    cache.keep()
