"""Runs over data that grow: only the shards that changed are worked on again."""

import shutil
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from sklearn.datasets import load_digits

from nst_keras.classifiers.served import export_classifier
from nst_keras.classifiers.trained import load_classifier
from nst_keras.data.digits import to_bytes
from nst_keras.data.file_sets import FileSplit
from nst_keras.data.sources.columns import PictureFiles
from nst_keras.data.sources.picture_files import PictureFile
from nst_keras.data.splits import DIGEST
from nst_keras.fields import Settings
from nst_keras.pictures.images import write_image
from pipelines.engine.execution.runner import Choice, Runner
from pipelines.engine.stage import Context, Output, Pipeline, Stage
from pipelines.engine.store.store import Store
from pipelines.examples.files import read_info, read_shard, shard_paths
from pipelines.judging.verdicts import Pushed, write_pushed
from pipelines.kinds import Examples, Model, PushedModel
from pipelines.stages import statistics_gen
from pipelines.stages.bulk_inferrer import BulkInferrer, BulkInferrerConfig
from pipelines.stages.evaluator import Evaluator, EvaluatorConfig
from pipelines.stages.example_gen import ExampleGen, ExampleGenConfig, _divide
from pipelines.stages.schema_gen import SchemaGen, SchemaGenConfig
from pipelines.stages.statistics_gen import StatisticsGen, StatisticsGenConfig
from pipelines.stages.transform import Transform, TransformConfig

SHARDS = 8
FROM_SHARDS = ("ExampleGen", "StatisticsGen", "Transform", "BulkInferrer")


@dataclass(frozen=True)
class HandInConfig(Settings):
    model: str = ""
    saved_model: str = ""


def hand_in(
    config: HandInConfig, context: Context, *, model: Output[Model], pushed: Output[PushedModel]
) -> None:
    """Instead of a training, which each change of the data would begin again."""
    shutil.copytree(config.model, model.path, dirs_exist_ok=True)
    write_pushed(pushed, Pushed("digits", 1, config.saved_model, "as it is"))


HandIn = Stage(hand_in, "HandIn")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Six digits of each class."""
    found = load_digits()
    images = to_bytes(found.images)
    for label in range(10):
        for number in np.flatnonzero(found.target == label)[:6]:
            path = tmp_path / "digits" / str(label) / f"{number}.png"
            path.parent.mkdir(parents=True, exist_ok=True)
            write_image(path, np.repeat(images[number][..., np.newaxis], 3, axis=2))
    return tmp_path / "digits"


def _shards(runner: Runner, node: str, output: str) -> list[list[str]]:
    """Names of the pictures in each shard."""
    examples = Examples(runner.store.root / runner.results[node].outputs[output].path)
    paths = [path for split in read_info(examples).splits for path in shard_paths(examples, split)]
    return [[example.name for example in read_shard(path)] for path in paths]


def _known(runner: Runner) -> dict[str, int]:
    return {name: result.pieces[1] for name, result in runner.results.items() if result.pieces[0]}


@pytest.mark.large
def test_one_picture_more_costs_one_shard(
    folder: Path, classifier: Model, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    trained = load_classifier(classifier.path)
    export_classifier(
        trained.model, tmp_path / "export" / "1", class_names=trained.class_names, image_size=(8, 8)
    )

    measured: list[str] = []
    measure = statistics_gen.measure_picture

    def count(*arguments: object) -> dict[str, float]:
        measured.append("")
        return measure(*arguments)

    monkeypatch.setattr(statistics_gen, "measure_picture", count)
    store = Store(tmp_path / "root")

    def run(fresh: str = "") -> Runner:
        examples = ExampleGen(ExampleGenConfig(dataset=str(folder), image_size=8, shards=SHARDS))
        statistics = StatisticsGen(StatisticsGenConfig(), examples=examples["examples"])
        schema = SchemaGen(SchemaGenConfig(), statistics=statistics["statistics"])
        transform = Transform(
            TransformConfig(image_size=6), examples=examples["examples"], schema=schema["schema"]
        )
        given = HandIn(HandInConfig(str(classifier.path), str(tmp_path / "export" / "1")))
        evaluator = Evaluator(EvaluatorConfig(), examples=examples["examples"], model=given["model"])
        inferrer = BulkInferrer(BulkInferrerConfig(), examples=examples["examples"], model=given["pushed"])
        nodes = (examples, statistics, schema, transform, given, evaluator, inferrer)
        runner = Runner(
            Pipeline("growing", nodes), store, choice=Choice(fresh=frozenset(filter(None, [fresh])))
        )
        runner.run("command", "1")
        return runner

    first = run()
    before = _shards(first, "ExampleGen", "examples")
    assert not any(_known(first).values()) and len(measured) == 60
    write_image(folder / "3" / "new.png", np.full((8, 8, 3), 77))
    second = run()
    after = _shards(second, "ExampleGen", "examples")
    (changed,) = (number for number, names in enumerate(after) if names != before[number])
    assert len(measured) == 60 + len(after[changed])
    judged = SHARDS - (changed >= 2 * SHARDS)  # the test's shards come last
    assert _known(second) == {**dict.fromkeys(FROM_SHARDS, 3 * SHARDS - 1), "Evaluator": judged}
    # A class by another name changes the pictures' names, and so the shards that hold them.
    (folder / "9").rename(folder / "nine")
    third = run()
    alike = [not any(name.startswith("9/") for name in names) for names in after]
    known = {**dict.fromkeys(FROM_SHARDS, sum(alike)), "Evaluator": sum(alike[2 * SHARDS :])}
    assert 0 < sum(alike) < 3 * SHARDS and _known(third) == known
    # What comes of the memo is what comes without it.
    outputs = {name: result.outputs for name, result in third.results.items()}
    shutil.rmtree(store.root / "memo")
    for node in known:
        again = run(fresh=node).results[node]
        assert not again.cached and again.pieces[1] == 0
        for name, artifact in again.outputs.items():
            # SavedModels are never equal.
            assert name == "transform_graph" or artifact.digest == outputs[node][name].digest
    store.close()


def test_pictures_stay_in_their_shards(tmp_path: Path) -> None:
    dataset = type("Set", (), {"split_by": "content", "name": str(tmp_path)})
    digests = [f"{number:064x}" for number in (0, 16**63, 16**63 * 8, 16**64 - 1)]

    def divide(config: ExampleGenConfig, files: dict[str, str]) -> list[list[str]]:
        pictures = PictureFiles(PictureFile(str(tmp_path), name) for name in files)
        raw = np.array([bytes.fromhex(digest) for digest in files.values()], DIGEST)
        split = FileSplit(pictures, np.zeros(len(files), int), raw)
        return [[pictures[place].name for place in part] for part in _divide(split, dataset, config)]

    files = {f"ant/{number}": digest for number, digest in enumerate(digests)}
    config = ExampleGenConfig(dataset=str(tmp_path), shards=2)
    assert divide(config, files) == [["ant/0", "ant/1"], ["ant/2", "ant/3"]]
    files.pop("ant/1")
    assert divide(config, files) == [["ant/0"], ["ant/2", "ant/3"]]
    dataset.split_by = "position"
    assert divide(config, files) == [["ant/0", "ant/2"], ["ant/3"]], "as in former versions"
    # Each span has shards of its own, whatever spans there are besides.
    dataset.split_by = "content"
    for day in ("day-2", "day-10"):
        (tmp_path / day / "ant").mkdir(parents=True)
    config = ExampleGenConfig(dataset=f"{tmp_path}/day-{{SPAN}}", spans=0, shards=2)
    spans = {f"{day}/ant/1": digests[3] for day in ("day-10", "day-2")}
    assert divide(config, spans) == [[], ["day-2/ant/1"], [], ["day-10/ant/1"]]
