"""`python -m pipelines.run` as a user calls it, with a pipeline of theirs."""

import os
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import pytest

from pipelines import run

Run = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def command(run_main: Run, tiny: ModuleType) -> Run:
    """Runs the tiny pipeline from its file."""
    return lambda *flags: run_main(run.main, f"--pipeline={tiny.__file__}", *flags)


def test_a_pipeline_of_the_users_runs(command: Run, tmp_path: Path) -> None:
    done = command("--pipeline_root=root")
    assert (done.returncode, done.stdout) == (0, "root/reports/run-1.html\n"), done.stderr
    assert (tmp_path / "saved_models" / "words" / "1" / "saved_model.pb").is_file()
    assert re.search(r"^\[1/5\] Gather  [\d.]+ s  words 6$", done.stderr, re.MULTILINE)
    again = command("--pipeline_root=root")
    assert again.stdout == "root/reports/run-2.html\n"
    assert re.findall(r"\] (\w+)  cached", again.stderr) == ["Gather", "Count", "Train", "Judge", "Push"]


def test_the_root_is_named_after_the_pipeline(command: Run) -> None:
    assert command("--until=Count").stdout == "runs/words/reports/run-1.html\n"


def test_configs_are_changed_and_parts_are_run(command: Run, tiny: ModuleType) -> None:
    assert command("--set=Train.rate=0.7", "--set=Gather.words=one", "--until=Judge").returncode == 0
    before = tiny.calls()
    assert "push" not in before
    done = command("--set=Train.rate=0.7", "--set=Gather.words=one", "--only=Count", "--fresh=Count")
    assert done.returncode == 0 and tiny.calls()[len(before) :] == ["count"]


def test_stages_are_listed_without_a_run(command: Run, tiny: ModuleType, tmp_path: Path) -> None:
    done = command("--list", "--set=Train.rate=0.7")
    assert done.returncode == 0 and not tiny.calls() and not (tmp_path / "runs").exists()
    assert "Judge: model, baseline -> blessing" in done.stdout and "rate = 0.7" in done.stdout


def test_layers_are_written_as_for_the_command(run_main: Callable) -> None:
    flags = ["--pipeline=style_transfer", "--list"]
    done = run_main(run.main, *flags, "--set=StyleTransfer.style_layers=relu1_1:1,relu2_1")
    assert done.returncode == 0 and "style_layers = {'relu1_1': 1.0, 'relu2_1': 1.0}" in done.stdout
    wrong = run_main(run.main, *flags, "--set=StyleTransfer.style_layers=relu1_1:x")
    assert (
        wrong.returncode == 2 and "StyleTransfer.style_layers must be names, or name:weight" in wrong.stderr
    )


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        (["--set=Train.rate"], "set must be NODE.FIELD=VALUE. Received: Train.rate"),
        (["--set=Trian.rate=1"], "set's node must be one of Gather, Count, Train, Judge, Push"),
        (["--set=Train.rte=1"], "set: Train.rte must be a field: rate, steps"),
        (["--set=Train.rate=fast"], "set: Train.rate must be a number. Received: rate=fast"),
        (["--set=Count.letters=maybe"], "letters must be one of true"),
        (["--set=Train.steps=0"], "set: Train.steps must be a positive integer"),
        (["--only=Trian"], "only must be one of Gather"),
        (["--fresh=Trian"], "must be one of Gather"),
        (["--from=Trian"], "from must be one of Gather"),
        (["--until=Trian"], "until must be one of Gather"),
        (["--runner=spark"], "runner"),
        (["Train"], "unexpected argument 'Train'"),
        (["--pipelin=x"], "pipelin"),
    ],
)
def test_wrong_flags_are_told(command: Run, flags: list[str], message: str, tmp_path: Path) -> None:
    done = command(*flags)
    assert done.returncode == 2 and message in done.stderr, done.stderr
    assert "Traceback" not in done.stderr and not (tmp_path / "runs").exists()


@pytest.mark.parametrize(
    ("pipeline", "message"),
    [
        ("", "--pipeline must be given: classifier"),
        ("clasifier", "pipeline must be one of classifier"),
        ("gone.py", "gone.py does not exist"),
        ("empty.py", "empty.py must have a function pipeline(serving_dir) that returns a Pipeline"),
        ("other.py", "other.py must have a function pipeline(serving_dir) that returns a Pipeline"),
        ("broken.py", "broken.py, line 2: "),
    ],
)
def test_what_is_no_pipeline_is_told(run_main: Run, tmp_path: Path, pipeline: str, message: str) -> None:
    (tmp_path / "empty.py").write_text("")
    (tmp_path / "other.py").write_text("def pipeline(serving_dir):\n    return 3\n")
    (tmp_path / "broken.py").write_text("def pipeline(serving_dir):\n    return (\n")
    done = run_main(run.main, f"--pipeline={pipeline}")
    assert done.returncode == 2 and message in done.stderr, done.stderr
    assert "Traceback" not in done.stderr


def test_a_failed_run_says_why_and_leaves_a_report(
    command: Run, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("TINY_TRICK", "train:full")
    done = command("--pipeline_root=root")
    assert done.returncode == 1 and done.stdout == ""
    assert (
        "command: error: Train: model.txt: No space left on device; finished stages are kept" in done.stderr
    )
    assert "report: root/reports/run-1.html" in done.stderr and "Traceback" not in done.stderr
    assert "No space left" in (tmp_path / "root" / "reports" / "latest.html").read_text()
    monkeypatch.delenv("TINY_TRICK")
    assert command("--pipeline_root=root").returncode == 0


def test_a_refused_model_has_an_exit_code_of_its_own(command: Run) -> None:
    for _ in range(2):  # also when all is taken from earlier executions
        done = command("--pipeline_root=root", "--set=Judge.least=0.9")
        assert done.returncode == run.REFUSED and done.stdout.startswith("root/reports/run-")
        assert "refused: Judge: no reason is given" in done.stderr
    assert command("--pipeline_root=root", "--set=Judge.least=0.9", "--only=Count").returncode == 0


def test_an_error_names_the_flag_for_what_it_asks(command: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TINY_TRICK", "train:ask")
    done = command("--pipeline_root=root")
    assert done.returncode == 1
    assert "Train: there are few words; give --set=Gather.words=more if so few are meant" in done.stderr


def test_what_is_no_pipeline_root_is_told(command: Run, tmp_path: Path) -> None:
    (tmp_path / "root").mkdir()
    (tmp_path / "root" / "metadata.sqlite").write_text("something else, " * 100)
    done = command("--pipeline_root=root")
    assert done.returncode == 1 and "root/metadata.sqlite: cannot be used as metadata store" in done.stderr
    assert "Traceback" not in done.stderr


# Which the tiny pipeline has no use for.
_WITHOUT_TENSORFLOW = (
    "from nst_keras.cli import common; common.import_tensorflow_quietly = lambda: None\n"
    "from pipelines import run\n"
)


def test_sigterm_ends_a_run_that_goes_on_later(tiny: ModuleType, tmp_path: Path) -> None:
    program = (
        _WITHOUT_TENSORFLOW + "import os, signal, sys; from pathlib import Path\n"
        "inside = run.load_pipeline\n"
        "def load(spec, folder):\n"
        "    made = inside(spec, folder)\n"
        "    sys.modules[Path(spec).stem]._trick = lambda name: (\n"
        "        os.kill(os.getpid(), signal.SIGTERM) if name == 'train' else None)\n"
        "    return made\n"
        "run.load_pipeline = load\n"
        "run.main()\n"
    )
    flags = [f"--pipeline={tiny.__file__}", "--pipeline_root=root"]
    done = _in_process(program, flags, tmp_path)
    assert done.returncode == 143, done.stderr
    assert "the same command goes on from here" in done.stderr
    before = tiny.calls()
    done = _in_process(f"{_WITHOUT_TENSORFLOW}run.main()", flags, tmp_path)
    assert done.returncode == 0
    assert tiny.calls()[len(before) :] == ["train", "part2", "judge-None", "push"]


def _in_process(program: str, flags: list[str], folder: Path) -> subprocess.CompletedProcess[str]:
    environment = os.environ | {"PYTHONPATH": str(Path(run.__file__).parents[1])}
    command = [sys.executable, "-c", program, *flags]
    return subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)


_HEAVY = """
import sys
from pipelines import run
try:
    run.main()
finally:
    print([name for name in ("tensorflow", "keras", "matplotlib", "sklearn") if name in sys.modules])
"""


def test_a_run_with_nothing_to_do_loads_nothing_heavy(command: Run, tiny: ModuleType, tmp_path: Path) -> None:
    command("--pipeline_root=root")
    done = _in_process(_HEAVY, [f"--pipeline={tiny.__file__}", "--pipeline_root=root"], tmp_path)
    assert done.returncode == 0 and "cached" in done.stderr
    assert done.stdout.splitlines()[-1] == "[]"


@pytest.mark.parametrize("name", run.READY)
def test_ready_pipelines_are_described_without_anything_heavy(name: str, tmp_path: Path) -> None:
    done = _in_process(_HEAVY, [f"--pipeline={name}", "--list"], tmp_path)
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith(name) and done.stdout.splitlines()[-1] == "[]"
