"""Verdicts: what is written is read, and nothing but a plain true blesses."""

import hashlib
import json
from pathlib import Path

import pytest

from nst_keras.errors import InputError
from pipelines.engine.stage import JUDGEMENT_FILE
from pipelines.judging.verdicts import (
    Blessing,
    Pushed,
    bless,
    digest_files,
    digest_folder,
    read_blessing,
    read_judgement,
    read_outcome,
    read_pushed,
    write_blessing,
    write_pushed,
)
from pipelines.kinds import InfraBlessing, ModelBlessing, ModelJudgement, PushedModel


def test_what_speaks_against_a_model_keeps_it_from_being_blessed() -> None:
    assert bless([]) == Blessing(True)
    assert bless(["too slow", "größer"]) == Blessing(False, ("too slow", "größer"))


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
    with pytest.raises(
        InputError, match=r"blessing.json: is damaged: .+; run the stage that wrote it again$"
    ):
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


@pytest.mark.parametrize("approves,verb", [(True, "approved"), (False, "revoked")])
def test_what_a_person_said_is_told_with_name_and_reason(tmp_path: Path, approves: bool, verb: str) -> None:
    said = {"approves": approves, "who": "Ada", "why": "looks right"}
    (tmp_path / JUDGEMENT_FILE).write_text(json.dumps(said))
    assert read_judgement(ModelJudgement(tmp_path)) == (approves, f"{verb} by Ada: looks right")


@pytest.mark.parametrize(
    "changes,message",
    [({"approves": "no"}, '"approves" must be true or false'), ({"approves": 1}, '"approves" must be true')],
)
def test_a_damaged_judgement_approves_nothing(tmp_path: Path, changes: dict, message: str) -> None:
    said = {"approves": True, "who": "Ada", "why": "looks right"}
    (tmp_path / JUDGEMENT_FILE).write_text(json.dumps(said | changes))
    with pytest.raises(InputError, match=rf"is damaged: {message}.*; approve or revoke the model again$"):
        read_judgement(ModelJudgement(tmp_path))
    del said["who"]
    (tmp_path / JUDGEMENT_FILE).write_text(json.dumps(said))
    with pytest.raises(InputError, match=f"{JUDGEMENT_FILE}: is damaged: 'who'; approve or revoke"):
        read_judgement(ModelJudgement(tmp_path))


@pytest.mark.parametrize(
    "outcome",
    [Pushed("digits", 3, "/srv/digits/3", "abc"), Pushed("digits", reasons=("not blessed: größer", "two"))],
)
def test_what_a_pusher_did_is_read_as_it_was_written(tmp_path: Path, outcome: Pushed) -> None:
    path = write_pushed(PushedModel(tmp_path), outcome)
    assert path == tmp_path / "pushed.json"
    assert read_outcome(PushedModel(tmp_path)) == outcome
    assert json.loads(path.read_text(encoding="utf-8")) == vars(outcome) | {"reasons": list(outcome.reasons)}
    assert all(reason in path.read_text(encoding="utf-8") for reason in outcome.reasons)


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"name": "digits"}', '{"reasons": [], "odd": 1}'])
def test_a_damaged_record_of_a_push(tmp_path: Path, text: str) -> None:
    (tmp_path / "pushed.json").write_text(text)
    with pytest.raises(InputError, match=r"pushed.json: is damaged: .+; run the Pusher again$"):
        read_outcome(PushedModel(tmp_path))


@pytest.mark.parametrize("reasons,why", [(("a", "b"), "a; b"), ((), "no reason is given")])
def test_who_needs_a_pushed_model_is_told_why_there_is_none(
    tmp_path: Path, reasons: tuple[str, ...], why: str
) -> None:
    artifact = PushedModel(tmp_path)
    write_pushed(artifact, Pushed("digits", reasons=reasons))
    with pytest.raises(InputError, match=rf"pushed\.json: no model was pushed as digits: {why}$"):
        read_pushed(artifact)
    write_pushed(artifact, Pushed("digits", 1, "/srv/digits/1"))
    assert read_pushed(artifact).path == "/srv/digits/1"


def test_the_digest_of_a_folder_tells_names_sizes_and_contents(tmp_path: Path) -> None:
    def digest(**files: bytes) -> str:
        folder = tmp_path / str(len(list(tmp_path.iterdir())))
        for name, data in files.items():
            path = folder / "variables" / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(data)
        (folder / "saved_model.pb").write_bytes(b"")
        return digest_folder(folder)

    same = digest(a=b"1", b=b"2")
    assert same == digest(b=b"2", a=b"1")
    assert len({same, digest(a=b"2", b=b"1"), digest(a=b"1", c=b"2"), digest(a=b"1")}) == 4
    # Kept by pushed.json of earlier runs, so it must stay what it is.
    empty, one = (hashlib.sha256(data).hexdigest() for data in (b"", b"1"))
    assert digest(a=b"1") == digest_files({"variables/a": (1, one), "saved_model.pb": (0, empty)})
    assert digest(a=b"1") == "7db24f96fa59c69aa1fb20974e544d121b7144a83807c91cf320002c601b9559"
