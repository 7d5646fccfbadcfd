"""`python -m pipelines.lineage` as a user calls it."""

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import pytest

from pipelines import lineage, run
from pipelines.engine.store.rows import StoredArtifact
from pipelines.engine.store.store import Store

Run = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def root(run_main: Run, tiny: ModuleType, tmp_path: Path) -> Path:
    """A pipeline root with two runs, of words from outside."""
    (tmp_path / "words.txt").write_text("one two")
    for rate in (0.5, 0.7):
        flags = [f"--pipeline={tiny.__file__}", "--pipeline_root=root", f"--set=Train.rate={rate}"]
        done = run_main(run.main, *flags, "--set=Gather.source=words.txt")
        assert done.returncode == 0, done.stderr
    return tmp_path / "root"


@pytest.fixture
def ask(run_main: Run, root: Path) -> Run:
    return lambda *flags: run_main(lineage.main, *flags, "--pipeline_root=root")


def _heads(done: subprocess.CompletedProcess[str]) -> list[str]:
    """The nodes that were told of, in order."""
    assert done.returncode == 0, done.stderr
    return re.findall(r"execution \d+: (\w+) of words, run \d+, ", done.stdout)


def test_a_served_version_is_traced_to_data_from_outside(ask: Run, tmp_path: Path) -> None:
    done = ask("saved_models/words/1", "--up")
    assert _heads(done) == ["Push", "Judge", "Train", "Gather"]
    assert done.stdout.startswith("PushedModel ") and "note:" not in done.stdout
    assert re.search(r"external0: ExternalData \d+ \w{12}  \S+/words.txt", done.stdout)
    assert "rate=0.5, steps=3" in done.stdout
    assert re.search(r"stage \w+:train, code [0-9a-f]{12}\n", done.stdout)
    assert "execution 3: Train of words, run 1 (see above)" in done.stdout
    second = ask("saved_models/words/2", "--up")
    assert "rate=0.7, steps=3" in second.stdout and "baseline: Model" in second.stdout


def test_what_was_made_of_data_is_told(ask: Run) -> None:
    done = ask("words.txt", "--down")
    assert sorted(_heads(done)) == sorted(["Gather", "Count", *["Train", "Judge", "Push"] * 2])
    assert "made outside" not in done.stdout and "-> pushed: PushedModel" in done.stdout
    assert "as examples of" in done.stdout


def test_both_directions_are_told_unless_one_is_wanted(ask: Run, root: Path) -> None:
    folder = next((root / "artifacts" / "Examples").iterdir())
    both = _heads(ask(f"root/artifacts/Examples/{folder.name}"))
    assert both[0] == "Gather" and len(both) == 8
    assert _heads(ask(f"{folder}/words.txt", "--up")) == ["Gather"]
    assert "made outside" in ask("words.txt").stdout


def test_numbers_and_digests_find_the_same(ask: Run, root: Path) -> None:
    store = Store(root)
    artifact = store.read(StoredArtifact, 2)
    store.close()
    by_number = ask("2").stdout
    assert by_number == ask(artifact.digest[:6]).stdout == ask(artifact.digest.upper()).stdout
    assert by_number.startswith(f"{artifact.kind} 2 {artifact.digest[:12]}")


def test_several_that_fit_are_listed(ask: Run, root: Path) -> None:
    store = Store(root)
    for number in range(2):
        store.add_artifact("Model", f"abcdef{number}" + "0" * 57, f"artifacts/Model/{number}", 0, {})
    store.close()
    done = ask("abcdef")
    assert done.returncode == 1
    assert re.search(r"abcdef: are the first digits of several artifacts: \d+ \(Model abcdef1", done.stderr)
    lonely = ask("abcdef1")
    assert "made by an execution that was killed before it ended" in lonely.stdout
    assert "used by nothing" in lonely.stdout


def test_a_served_version_that_has_changed_is_noted(ask: Run, tmp_path: Path) -> None:
    (tmp_path / "saved_models" / "words" / "1" / "saved_model.pb").write_text("x")
    done = ask("saved_models/words/1")
    assert done.stdout.startswith("note: saved_models/words/1 has changed since it was pushed\nPushedModel")


def test_a_copy_of_a_served_version_is_known_by_its_contents(ask: Run, tmp_path: Path) -> None:
    shutil.copytree(tmp_path / "saved_models" / "words" / "1", tmp_path / "copy")
    done = ask("copy")
    assert "note: copy wasn't pushed there itself, but is what was pushed to" in done.stdout
    assert "rate=0.5, steps=3" in done.stdout


def test_data_that_has_changed_or_gone_is_noted(ask: Run, tmp_path: Path) -> None:
    (tmp_path / "words.txt").write_text("three")
    assert ask("words.txt").stdout.startswith("note: words.txt has changed since a stage read it; ")
    (tmp_path / "words.txt").unlink()
    assert ask("words.txt").stdout.startswith("note: words.txt isn't there any more; ")


def test_states_and_libraries_are_told(ask: Run, root: Path) -> None:
    store = Store(root)
    store.connection.execute("UPDATE artifact SET state='collected' WHERE kind='Model'")
    store.connection.execute(
        """UPDATE execution SET code='{"digest": "c0de", "libraries": {"keras": "3.1"}}'"""
    )
    store.connection.execute("UPDATE execution SET state='failed' WHERE node='Count'")
    store.close()
    done = ask("saved_models/words/1", "--up")
    assert re.search(r"model: Model \d+ \w+ \(collected\)", done.stdout) and "Gather" in _heads(done)
    assert "code c0de\n" in done.stdout and "libraries keras 3.1\n" in done.stdout
    assert re.search(r"Count of words, run 1, .*, failed\n", ask("words.txt", "--down").stdout)


def test_the_page_opens_from_disk(ask: Run, tmp_path: Path) -> None:
    done = ask("saved_models/words/2", "--output=lineage.html")
    assert done.stdout.endswith("\nlineage.html\n")
    text = (tmp_path / "lineage.html").read_text()
    assert "default-src 'none'" in text and "http" not in re.sub('http-equiv="', "", text)
    for name in ("Push", "Judge", "Train", "Gather"):
        assert re.search(rf'<h2 id="e\d+">Execution \d+: {name}</h2>', text)
    for address in re.findall(r'href="#([^"]+)"', text):
        assert f'id="{address}"' in text
    assert "<svg" in text and "ExternalData" in text and "words.txt" in text


def test_a_very_large_lineage_is_cut_short(ask: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lineage, "_SHOWN", 3)
    done = ask("words.txt")
    assert len(_heads(done)) == 3
    assert "(3 of 8 executions are shown, those nearest to the artifact)" in done.stdout


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (["99"], 1, "99: isn't known in root; expected is"),
        (["abcdefabcdef"], 1, "abcdefabcdef: isn't known in root"),
        (["nowhere/1"], 1, "nowhere/1: isn't known in root"),
        (["code"], 1, "code: isn't known in root"),
        (["root/artifacts/Model/0123"], 1, "isn't known in root"),
        ([], 2, "one artifact is expected. Received: none"),
        (["1", "2"], 2, "one artifact is expected. Received: 1 2"),
        (["1", "--output=no/where.html"], 1, "no/where.html: the folder"),
    ],
)
def test_wrong_input_is_told(ask: Run, arguments: list[str], code: int, message: str) -> None:
    done = ask(*arguments)
    assert done.returncode == code and message in done.stderr, done.stderr
    assert "Traceback" not in done.stderr


def test_a_folder_that_is_no_root_is_told(run_main: Run, tmp_path: Path) -> None:
    done = run_main(lineage.main, "1", "--pipeline_root=nowhere")
    assert done.returncode == 1 and "nowhere: holds no metadata.sqlite" in done.stderr
    assert run_main(lineage.main, "1").returncode == 2


def test_help_needs_nothing_heavy(tmp_path: Path) -> None:
    program = (
        "import sys; from pipelines import collect, lineage\n"
        "print([name for name in ('tensorflow', 'keras', 'matplotlib') if name in sys.modules])"
    )
    environment = os.environ | {"PYTHONPATH": str(Path(run.__file__).parents[1])}
    done = subprocess.run([sys.executable, "-c", program], env=environment, capture_output=True, text=True)
    assert done.stdout == "[]\n", done.stderr
