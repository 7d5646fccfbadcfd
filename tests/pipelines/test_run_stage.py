"""One stage by itself, from the command line."""

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

import pytest

from nst_keras.errors import InputError
from pipelines import run_stage
from pipelines.engine.stage import Context
from pipelines.kinds import Examples
from pipelines.stages.example_gen import ExampleGen
from pipelines.stages.trainer import Trainer, TrainerConfig

_EVALUATOR = "--stage=pipelines.stages.evaluator:Evaluator"


def _run(*arguments: str, folder: Path) -> subprocess.CompletedProcess[str]:
    root = str(Path(run_stage.__file__).parents[1])
    command = [sys.executable, "-m", "pipelines.run_stage", *arguments]
    environment = os.environ | {"PYTHONPATH": root}
    return subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True)


@pytest.mark.large
def test_a_stage_runs_in_a_process_of_its_own(
    write_collection: Callable[..., Examples], photos: dict[str, bytes], tmp_path: Path
) -> None:
    from PIL import Image

    for number, (name, data) in enumerate(photos.items()):
        folder = tmp_path / "flowers" / ("red", "white")[number % 2]
        folder.mkdir(parents=True, exist_ok=True)
        for copy in range(6):
            (folder / f"{name}{copy}.png").write_bytes(data)
            Image.open(folder / f"{name}{copy}.png").resize((16 + copy, 16)).save(
                folder / f"{name}{copy}.png"
            )
    config = json.dumps({"dataset": "flowers", "image_size": 16, "validation": 0.2})
    arguments = [
        "--stage=pipelines.stages.example_gen:ExampleGen",
        f"--config={config}",
        "--output=examples=out/examples",
        "--record=out/record.json",
    ]
    done = _run(*arguments, folder=tmp_path)
    assert done.returncode == 0, done.stderr
    assert json.loads((tmp_path / "out" / "record.json").read_text())
    made = sorted(path.name for path in (tmp_path / "out").iterdir())
    assert made == ["examples", "record.json"]
    assert (tmp_path / "out" / "examples" / "info.json").is_file()
    again = _run(*arguments, folder=tmp_path)
    assert again.returncode == 1
    assert "out/examples: is there already" in again.stderr and "Traceback" not in again.stderr


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--stage=pipelines.stages.nowhere:Trainer"], "stage must be MODULE:NAME (No module named"),
        (["--stage=pipelines.stages.trainer:Baker"], "stage must be MODULE:NAME, such as"),
        ([_EVALUATOR, "--config={"], "config must be a JSON object"),
        (
            [_EVALUATOR, '--config={"max_dorp": 0.1}'],
            "config of Evaluator: max_dorp must be a field: split,",
        ),
        ([_EVALUATOR, '--config={"split": 3}'], "config of Evaluator: split must be text. Received: split=3"),
        ([_EVALUATOR, '--config={"max_drop": -1}'], "max_drop must be"),
        ([_EVALUATOR, "--input=modle=m"], "input's name must be one of examples, model, baseline"),
        ([_EVALUATOR, "--input=examples=e"], "input must give model=FOLDER (Model)"),
        (
            [_EVALUATOR, "--input=examples=e", "--input=model=m", "--output=evaluation=v"],
            "output must give blessing=FOLDER (ModelBlessing)",
        ),
    ],
)
def test_wrong_flags_are_told(
    arguments: list[str], message: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "argv", ["run_stage", *arguments])
    with pytest.raises(SystemExit) as ended:
        run_stage.main()
    error = capsys.readouterr().err
    assert ended.value.code == 1 and message in error


def test_configs_come_through_json_as_they_were() -> None:
    import dataclasses

    config = TrainerConfig.of("mlp", "digits", epochs=3)
    assert run_stage.read_config(Trainer, json.dumps(dataclasses.asdict(config))) == config
    assert run_stage.read_config(ExampleGen, "{}") == ExampleGen.config()


def test_nothing_is_published_of_a_stage_that_failed(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    stage, context = Trainer, Context(tmp_path / "scratch")
    config = TrainerConfig.of("mlp", "digits", epochs=1)
    inputs, outputs = {"examples": tmp_path / "empty"}, {"model": tmp_path / "model"}
    with pytest.raises(InputError):
        run_stage.run_stage(stage, config, context, inputs, outputs)
    assert not (tmp_path / "model").exists() and (tmp_path / "scratch").is_dir()
    with pytest.raises(InputError, match=r"gone: must be an artifact's folder"):
        run_stage.run_stage(stage, config, context, {"examples": tmp_path / "gone"}, outputs)


def test_no_temporary_folder_stays_after_an_error(
    run_main: Callable, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("temporary", "empty"):
        (tmp_path / name).mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "temporary"))
    flags = ["--stage=pipelines.stages.trainer:Trainer", "--input=examples=empty", "--output=model=out"]
    done = run_main(run_stage.main, *flags)
    assert done.returncode == 1 and "empty" in done.stderr
    assert not list((tmp_path / "temporary").iterdir())


def test_the_folder_of_a_stage_by_itself_goes_with_the_process(tmp_path: Path) -> None:
    program = (
        "from pipelines.engine.stage import Context; print(Context().scratch.is_dir()); raise SystemExit(1)"
    )
    environment = os.environ | {
        "PYTHONPATH": str(Path(run_stage.__file__).parents[1]),
        "TMPDIR": str(tmp_path),
    }
    command = [sys.executable, "-c", program]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (1, "True\n"), done.stderr
    assert not list(tmp_path.iterdir())
