"""Evaluator: metrics that are right, what isn't blessed and why, the same files from any order of work."""

import itertools
import json
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest

from nst_keras.errors import InputError
from pipelines.engine.stage import Context, Stopped
from pipelines.examples.files import (
    Example,
    ExampleInfo,
    encode_picture,
    read_dataset,
    shard_name,
    write_info,
    write_shard,
)
from pipelines.judging.tallies import Tally, measure
from pipelines.judging.verdicts import read_blessing
from pipelines.kinds import Examples, Model, ModelBlessing, ModelEvaluation
from pipelines.stages.evaluator import EvaluatorConfig, _may_have_seen, _shortcomings, evaluate

NAMES = ("metrics.json", "evaluation.html")


@pytest.fixture
def judge(tmp_path: Path, digits: Examples) -> Callable[..., tuple[dict, ModelBlessing, dict[str, bytes]]]:
    """Evaluates with new outputs; returns what the stage does, the blessing, and the evaluation's files."""
    number = itertools.count()

    def run(config: EvaluatorConfig, model: Model, baseline: Model | None = None, **more: Any) -> tuple:
        folder = tmp_path / f"run{next(number)}"
        outputs = ModelEvaluation(folder / "evaluation"), ModelBlessing(folder / "blessing")
        for output in outputs:
            output.path.mkdir(parents=True)
        context = more.pop("context", Context(folder / "scratch"))
        found = evaluate(
            config,
            context,
            **{"examples": digits, **more},
            model=model,
            baseline=baseline,
            evaluation=outputs[0],
            blessing=outputs[1],
        )
        return found, outputs[1], {name: (outputs[0].path / name).read_bytes() for name in NAMES}

    return run


def test_metrics_overall_and_by_slice(judge: Callable, digits: Examples, classifier: Model) -> None:
    found, blessing, files = judge(EvaluatorConfig(min_accuracy=0.8), classifier)
    metrics = json.loads(files["metrics.json"])
    images, labels = read_dataset(digits).splits["test"].arrays()
    logits = keras.models.load_model(classifier.path / "model.keras").predict(
        images.astype(np.float32), verbose=0
    )
    right = logits.argmax(axis=1) == labels
    assert found["accuracy"] == metrics["overall"]["accuracy"] == pytest.approx(right.mean())
    report = json.loads((classifier.path / "report.json").read_text())
    assert metrics["overall"]["loss"] == pytest.approx(report["metrics"]["test_loss"], rel=1e-5)
    assert metrics["overall"]["accuracy_low"] < right.mean() < metrics["overall"]["accuracy_high"]
    slices = {(row["slice"], row["value"]): row for row in metrics["slices"]}
    for label in range(10):
        row = slices["class", str(label)]
        assert (row["pictures"], row["accuracy"]) == (
            np.sum(labels == label),
            pytest.approx(right[labels == label].mean()),
        )
    dark = images.mean(axis=(1, 2, 3)) < 85
    assert slices["brightness", "dark"]["accuracy"] == pytest.approx(right[dark].mean())
    assert not [name for name, _ in slices if name == "size"], "all pictures are of one size"
    assert np.trace(metrics["confusion"]) == right.sum()
    assert found["blessed"]
    assert read_blessing(blessing).blessed
    page = files["evaluation.html"].decode()
    assert "<h2>Blessed</h2>" in page
    assert "class: 7" in page
    assert "http" not in page.replace("http-equiv", ""), "it loads nothing from elsewhere"


def test_a_bad_model_is_not_blessed(judge: Callable, beginner: Model) -> None:
    found, blessing, files = judge(EvaluatorConfig(min_accuracy=0.8), beginner)
    assert not found["blessed"]
    verdict = read_blessing(blessing)
    assert not verdict.blessed
    assert verdict.reasons == (f"the accuracy is {found['accuracy']:.4f}, below min_accuracy=0.8",)
    assert verdict.reasons[0] in files["evaluation.html"].decode()


def test_a_model_that_is_worse_than_the_last_is_not_blessed(
    judge: Callable, classifier: Model, beginner: Model
) -> None:
    config = EvaluatorConfig(min_accuracy=0)
    worse, blessing, files = judge(config, beginner, baseline=classifier)
    assert not worse["blessed"]
    assert "below the baseline's" in read_blessing(blessing).reasons[0]
    comparison = json.loads(files["metrics.json"])["comparison"]
    assert comparison["difference_low"] < comparison["difference"] < comparison["difference_high"] < 0
    assert comparison["p_value"] < 1e-6
    better, _, files = judge(config, classifier, baseline=beginner)
    assert better["blessed"]
    assert better["difference"] == -worse["difference"]
    assert "baseline accuracy" in files["evaluation.html"].decode()
    drop = -worse["difference"]
    for max_drop, blesses in ((drop, True), (drop - 0.001, False)):
        tolerant = EvaluatorConfig(min_accuracy=0, max_drop=max_drop)
        found, blessing, _ = judge(tolerant, beginner, baseline=classifier)
        assert found["blessed"] == read_blessing(blessing).blessed == blesses
    same, _, files = judge(config, classifier, baseline=classifier)
    assert (same["blessed"], same["difference"]) == (True, 0.0)
    assert json.loads(files["metrics.json"])["comparison"]["p_value"] == 1.0


def test_a_slice_can_keep_a_model_from_being_blessed(judge: Callable, beginner: Model) -> None:
    _, blessing, files = judge(EvaluatorConfig(min_accuracy=0, min_slice_accuracy=0.5), beginner)
    weak = [row for row in json.loads(files["metrics.json"])["slices"] if row["accuracy"] < 0.5]
    counting = [row for row in weak if row["pictures"] >= 20]
    reasons = read_blessing(blessing).reasons
    assert len(reasons) == len(counting) > 0
    assert f"on class {counting[0]['value']} " in reasons[0]
    _, blessing, _ = judge(
        EvaluatorConfig(min_accuracy=0, min_slice_accuracy=0.5, min_slice_examples=1000), beginner
    )
    assert read_blessing(blessing).blessed, "small slices don't count"


@pytest.mark.large
def test_any_order_of_work_gives_the_same_files(
    judge: Callable, classifier: Model, beginner: Model, tmp_path: Path
) -> None:
    def backwards(function: Callable, tasks: Iterable) -> Iterator:
        return reversed([function(task) for task in reversed(list(tasks))])

    config, scratch = EvaluatorConfig(), tmp_path / "scratch"
    plain = judge(config, classifier, baseline=beginner)[2]
    other = judge(config, classifier, baseline=beginner, context=Context(scratch, map=backwards))[2]
    assert plain == other
    # Of the parts that are there nothing is done again.
    times = {path: path.stat().st_mtime_ns for path in scratch.iterdir()}
    assert len(times) == 2
    assert judge(config, classifier, baseline=beginner, context=Context(scratch))[2] == plain
    assert {path: path.stat().st_mtime_ns for path in scratch.iterdir()} == times


def test_it_stops_between_shards(judge: Callable, classifier: Model, tmp_path: Path) -> None:
    with pytest.raises(Stopped):
        judge(EvaluatorConfig(), classifier, context=Context(tmp_path / "kept", should_stop=lambda: True))
    assert len(list((tmp_path / "kept").iterdir())) == 1


def test_a_baseline_for_other_classes_is_not_compared_with(
    judge: Callable, classifier: Model, tmp_path: Path
) -> None:
    other = Model(tmp_path / "other")
    other.path.mkdir()
    for path in classifier.path.iterdir():
        (other.path / path.name).write_bytes(path.read_bytes())
    report = json.loads((other.path / "report.json").read_text())
    report["classes"][0]["name"] = "zero"
    (other.path / "report.json").write_text(json.dumps(report))
    said: list[str] = []
    found, _, files = judge(
        EvaluatorConfig(), classifier, baseline=other, context=Context(tmp_path / "scratch", say=said.append)
    )
    assert found["blessed"]
    assert json.loads(files["metrics.json"])["comparison"] is None
    assert said == ["the baseline knows other classes, and isn't compared with"]


def test_pictures_of_unequal_sizes(judge: Callable, classifier: Model, tmp_path: Path) -> None:
    folder = tmp_path / "sizes"
    folder.mkdir()
    sizes = [(8, 8), (40, 50), (30, 1100), (40, 1100)]
    found = [
        Example(f"p{number}", encode_picture(np.full((*size, 3), 60 * number, np.uint8)), number)
        for number, size in enumerate(sizes)
    ]
    write_shard(folder / shard_name("test", 0, 1), found)
    write_info(folder, ExampleInfo("sizes", tuple("0123456789"), None, {"test": (4,)}))
    files = judge(EvaluatorConfig(), classifier, examples=Examples(folder))[2]
    rows = json.loads(files["metrics.json"])["slices"]
    counts = {(row["slice"], row["value"]): row["pictures"] for row in rows}
    assert counts["size", "tiny"] == 2
    assert (counts["size", "normal"], counts["size", "huge"]) == (1, 1)
    assert (counts["brightness", "dark"], counts["brightness", "bright"]) == (2, 1)
    assert counts["contrast", "flat"] == 4


def test_what_can_not_be_judged(judge: Callable, classifier: Model, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"must have the split holdout. Received: train, validation, test"):
        judge(EvaluatorConfig(split="holdout"), classifier)
    (tmp_path / "stylizer").mkdir()
    with pytest.raises(InputError, match=r"stylizer: holds no model\.keras"):
        judge(EvaluatorConfig(), Model(tmp_path / "stylizer"))
    folder = tmp_path / "unlabelled"
    folder.mkdir()
    picture = encode_picture(np.zeros((8, 8, 1), np.uint8))
    write_shard(folder / shard_name("test", 0, 1), [Example("photo", picture, None)])
    write_info(folder, ExampleInfo("photos", (), (8, 8, 1), {"test": (1,)}))
    with pytest.raises(InputError, match="photo: must have a label below 10"):
        judge(EvaluatorConfig(), classifier, examples=Examples(folder))


@pytest.mark.parametrize(
    "gained,lost,blesses",
    [(0, 0, True), (5, 5, False), (60, 5, True), (0, 1, False)],
)
def test_non_inferiority_needs_evidence(gained: int, lost: int, blesses: bool) -> None:
    """Of 400 pictures; by the estimate alone, each of these is blessed."""
    right = 400 - lost
    found = Tally(
        *(np.array([count] + [0] * 10) for count in (400, right, right - gained + lost, 0)),
        overconfidence=np.zeros((11, 15)),
        confusion=np.zeros((2, 2), int),
        gained=np.int64(gained),
        lost=np.int64(lost),
        smallest=np.array([8, 8]),
        largest=np.array([8, 8]),
    )
    metrics = {"split": "test", **measure(found, ("a", "b"), has_chances=False, compared=True)}
    assert not _shortcomings(EvaluatorConfig(), metrics)
    reasons = _shortcomings(EvaluatorConfig(non_inferior=True), metrics)
    assert bool(reasons) != blesses
    assert blesses or "doesn't rule out a drop by more than max_drop=0.01; more pictures of" in reasons[0]


@pytest.mark.parametrize(
    "examples,report,doubtful",
    [
        ("content", {}, True),
        ("content", {"split_by": "position"}, True),
        ("content", {"split_by": "content"}, False),
        ("appearance", {"split_by": "content"}, True),
        ("appearance", {"split_by": "appearance"}, False),
        ("position", {}, False),
        ("", {}, False),
    ],
)
def test_a_baseline_that_may_have_learned_the_test_is_told(
    tmp_path: Path, examples: str, report: dict, doubtful: bool
) -> None:
    (tmp_path / "report.json").write_text(json.dumps(report))
    info = ExampleInfo("pets", ("cats", "dogs"), None, {}, examples)
    assert _may_have_seen(Model(tmp_path), info) == doubtful
