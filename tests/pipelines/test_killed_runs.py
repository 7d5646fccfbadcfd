"""`kill -9` in the middle of each stage of the classifier pipeline: the next run goes on from there."""

import contextlib
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from nst_keras.runs.plan import CHECKPOINT
from nst_keras.served.store import check_version, find_versions
from pipelines import run
from pipelines.engine.execution.work import WORK
from pipelines.engine.store.store import Store
from pipelines.ready import classifier

# So many epochs that the training lasts long enough to show its progress.
FLAGS = ("--pipeline=classifier", "--pipeline_root=root", "--serving_dir=served", "--set=Trainer.epochs=24")
STAGES = [node.name for node in classifier.pipeline(Path("served")).nodes]
_ATTEMPTS = 10  # a stage of some milliseconds may be over before the signal comes
_TIMEOUT = 120


def _begun(folder: Path, stage: str) -> bool:
    """Whether a stage that runs has written a part of what it makes."""
    if stage == "Pusher":
        return any((folder / "served" / "classifier").glob(".*.tmp/*"))
    parts = f"*/scratch/**/{CHECKPOINT}" if stage == "Trainer" else "*/*/**/*.*"
    return any((folder / "root" / WORK).glob(parts))


def _kill_in(stage: str, folder: Path) -> None:
    """Starts the pipeline and kills it as soon as the stage has begun to write, and training shows itself."""
    command = [sys.executable, "-m", "pipelines.run", *FLAGS]
    query = "SELECT 1 FROM execution WHERE node=? AND state='running'"
    deadline = time.monotonic() + _TIMEOUT
    with (
        (folder / "errors.txt").open("w") as errors,
        subprocess.Popen(command, cwd=folder, stdout=subprocess.DEVNULL, stderr=errors) as process,
        contextlib.closing(Store(folder / "root")) as store,
    ):
        try:
            while not (
                store.connection.execute(query, (stage,)).fetchone()
                and _begun(folder, stage)
                # Others take milliseconds and may be over before they are shown.
                and (stage != "Trainer" or f"] {stage} " in (folder / "errors.txt").read_text())
            ):
                if process.poll() is not None:
                    return
                assert time.monotonic() < deadline, f"{stage} doesn't begin"
                time.sleep(0.001)
        finally:
            process.kill()


def _complete(root: Path) -> dict[str, list[int]]:
    """Numbers of the complete executions by node."""
    with contextlib.closing(Store(root)) as store:
        query = "SELECT node, id FROM execution WHERE state='complete' ORDER BY id"
        found: dict[str, list[int]] = {}
        for node, number in store.connection.execute(query).fetchall():
            found.setdefault(node, []).append(number)
        return found


@pytest.mark.large
@pytest.mark.parametrize("stage", STAGES)
def test_a_killed_run_goes_on(
    stage: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, run_main: Callable
) -> None:
    before = STAGES[: STAGES.index(stage)]
    (tmp_path / "prepared").mkdir()
    monkeypatch.chdir(tmp_path / "prepared")
    if before:
        done = run_main(run.main, *FLAGS, f"--only={','.join(before)}")
        assert done.returncode == 0, done.stderr
    for attempt in range(_ATTEMPTS):
        folder = shutil.copytree(tmp_path / "prepared", tmp_path / f"attempt{attempt}")
        _kill_in(stage, folder)
        finished = _complete(folder / "root")
        if stage not in finished:
            break
    assert list(finished) == before
    shown = (folder / "errors.txt").read_text()
    assert not re.search("oneDNN|cuInit|InitializeLog|^I0000", shown, re.M)
    for version in find_versions(folder / "served" / "classifier").values():
        assert check_version(version) is not None

    monkeypatch.chdir(folder)
    done = run_main(run.main, *FLAGS)
    assert done.returncode == 0, done.stderr
    assert ("going on from the last checkpoint" in done.stderr) == (stage == "Trainer")
    after = _complete(folder / "root")
    assert sorted(after) == sorted(STAGES)
    assert all(len(numbers) == 1 for numbers in after.values()), "nothing finished is done again"
    assert after.items() >= finished.items()
    assert not [path for path in (folder / "root" / WORK).iterdir() if path.is_dir()]
    served = folder / "served" / "classifier"
    assert list(find_versions(served)) == [1] and check_version(served / "1") is not None
    assert not list(served.glob(".*.tmp"))
    again = run_main(run.main, *FLAGS, "--verify")
    assert again.returncode == 0 and _complete(folder / "root") == after, again.stderr
