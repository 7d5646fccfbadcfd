"""`python -m pipelines.collect` as a user calls it."""

import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import pytest

from pipelines import collect, run

Run = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def root(run_main: Run, tiny: ModuleType, tmp_path: Path) -> Path:
    """A pipeline root after four runs, each of which pushed a model."""
    for rate in (0.5, 0.6, 0.7, 0.8):
        flags = [f"--pipeline={tiny.__file__}", "--pipeline_root=root", f"--set=Train.rate={rate}"]
        assert run_main(run.main, *flags).returncode == 0
    return tmp_path / "root"


def _models(root: Path) -> list[str]:
    return sorted(path.read_text() for path in root.glob("artifacts/Model/*/model.txt"))


def test_served_models_keep_what_they_were_made_from(run_main: Run, root: Path, tmp_path: Path) -> None:
    done = run_main(collect.main, "--pipeline_root=root", "--keep_runs=0")
    assert done.returncode == 0 and _models(root) == ["0.50", "0.60", "0.70", "0.80"]
    for version in ("1", "2"):
        shutil.rmtree(tmp_path / "saved_models" / "words" / version)
    done = run_main(collect.main, "--pipeline_root=root", "--keep_runs=0")
    # The third was judged against the second.
    assert _models(root) == ["0.60", "0.70", "0.80"] and "removed 3 folders" in done.stdout


def test_nothing_is_removed_by_a_dry_run(run_main: Run, root: Path, tmp_path: Path) -> None:
    shutil.rmtree(tmp_path / "saved_models")
    done = run_main(collect.main, "--pipeline_root=root", "--keep_runs=1", "--dry_run")
    lines = done.stdout.splitlines()
    assert all(line.startswith("would remove root/artifacts/") for line in lines[:-1])
    assert lines[-1].startswith(f"would remove {len(lines) - 1} folders, ") and len(lines) > 1
    assert _models(root) == ["0.50", "0.60", "0.70", "0.80"]
    wet = run_main(collect.main, "--pipeline_root=root", "--keep_runs=1")
    assert wet.stdout == done.stdout.replace("would remove", "removed")


def test_a_push_that_cannot_be_read_keeps_its_model(run_main: Run, root: Path) -> None:
    for folder in (root / "artifacts" / "PushedModel").iterdir():
        shutil.rmtree(folder)
    assert run_main(collect.main, "--pipeline_root=root", "--keep_runs=0").returncode == 0
    assert _models(root) == ["0.50", "0.60", "0.70", "0.80"]


@pytest.mark.parametrize(
    ("flags", "code", "message"),
    [
        (["--pipeline_root=nowhere"], 1, "nowhere: holds no metadata.sqlite"),
        ([], 2, "pipeline_root"),
        (["--pipeline_root=nowhere", "more"], 2, "unexpected argument 'more'"),
        (["--pipeline_root=nowhere", "--keep_runs=-1"], 2, "keep_runs"),
    ],
)
def test_wrong_flags_are_told(run_main: Run, flags: list[str], code: int, message: str) -> None:
    done = run_main(collect.main, *flags)
    assert done.returncode == code and message in done.stderr
    assert "Traceback" not in done.stderr
