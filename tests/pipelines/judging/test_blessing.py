"""Blessings: what is written is read, and nothing but a plain true blesses."""

import json
from pathlib import Path

import pytest

from nst_keras.errors import InputError
from pipelines.engine.artifacts import InfraBlessing, ModelBlessing
from pipelines.judging.blessing import Blessing, judge, read_blessing, write_blessing


def test_what_speaks_against_a_model_keeps_it_from_being_blessed() -> None:
    assert judge([]) == Blessing(True)
    assert judge(["too slow", "größer"]) == Blessing(False, ("too slow", "größer"))


@pytest.mark.parametrize("kind", [ModelBlessing, InfraBlessing])
@pytest.mark.parametrize("verdict", [Blessing(True), Blessing(False), Blessing(False, ("zu groß", "b"))])
def test_a_blessing_is_read_as_it_was_written(tmp_path: Path, kind: type, verdict: Blessing) -> None:
    path = write_blessing(kind(tmp_path), verdict)
    assert path == tmp_path / "blessing.json"
    assert read_blessing(kind(tmp_path)) == verdict
    # People and other programs read it, too.
    text = path.read_text(encoding="utf-8")
    assert json.loads(text) == {"blessed": verdict.blessed, "reasons": list(verdict.reasons)}
    assert all(reason in text for reason in verdict.reasons)
    assert text.startswith('{\n "blessed"') and text.endswith("}\n")


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{",
        "[]",
        "true",
        "{}",
        '{"blessed": true}',
        '{"reasons": []}',
        '{"blessed": "no", "reasons": []}',
        '{"blessed": 1, "reasons": []}',
        '{"blessed": null, "reasons": []}',
        '{"blessed": true, "reasons": "none"}',
        '{"blessed": true, "reasons": null}',
    ],
)
def test_a_damaged_blessing_blesses_nothing(tmp_path: Path, text: str) -> None:
    path = tmp_path / "blessing.json"
    path.write_text(text)
    with pytest.raises(InputError, match=r"blessing.json: is damaged: .+; run the stage that wrote it again$"):
        read_blessing(ModelBlessing(tmp_path))


def test_a_blessing_that_is_missing(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"blessing\.json"):
        read_blessing(ModelBlessing(tmp_path))
    with pytest.raises(InputError, match="missing"):
        write_blessing(ModelBlessing(tmp_path / "missing"), Blessing(True))


def test_what_is_wrong_with_a_damaged_blessing_is_told(tmp_path: Path) -> None:
    (tmp_path / "blessing.json").write_text('{"blessed": "no", "reasons": []}')
    with pytest.raises(InputError, match='damaged: "blessed" must be true or false, and "reasons" a list;'):
        read_blessing(ModelBlessing(tmp_path))
