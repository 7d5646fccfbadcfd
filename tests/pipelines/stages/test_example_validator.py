"""ExampleValidator: names what breaks the schema, finds drift where there is some and none elsewhere."""

import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from google.protobuf import text_format
from scipy.spatial.distance import jensenshannon
from tensorflow_metadata.proto.v0 import anomalies_pb2

from nst_keras.errors import InputError
from pipelines.engine.execution.runner import NodeResult, Runner
from pipelines.engine.stage import Context, Output, Pipeline, Stage
from pipelines.engine.store.store import Store
from pipelines.kinds import ExampleAnomalies, ExampleStatistics, Schema, latest_valid
from pipelines.stages.example_validator import ExampleValidator, ExampleValidatorConfig, validate_examples
from pipelines.stages.schema_gen import SchemaGen, SchemaGenConfig, generate_schema
from pipelines.statistics import near_duplicates
from pipelines.statistics.counts import PictureCounts
from pipelines.statistics.distances import measure_distance
from pipelines.statistics.near_duplicates import NearDuplicates, Picture, read_near_duplicates
from pipelines.statistics.protos import FILE, build_statistics, features_of
from pipelines.statistics.schema import read_schema

NAMES = ("cat", "dog", "owl")
Split = tuple[tuple[int, ...], float]  # examples of each class, and their mean brightness


def _counts(split: Split, seed: int) -> PictureCounts:
    counts = PictureCounts()
    rng = np.random.default_rng(seed)
    for label, number in enumerate(split[0]):
        for _ in range(number):
            values = {"height": 8, "width": 8, "channels": 3, "encoded_bytes": rng.integers(90, 110)}
            numbers = {"brightness": rng.normal(split[1], 10), "contrast": rng.normal(40, 5)}
            counts.add(label, {**values, **numbers, "colourfulness": 20.0})
    return counts


@pytest.fixture
def span(tmp_path: Path) -> Callable[..., ExampleStatistics]:
    """Makes statistics of splits of pictures."""

    def make(name: str, names: tuple[str, ...] = NAMES, **splits: Split) -> ExampleStatistics:
        (tmp_path / name).mkdir()
        counts = {split: _counts(found, seed) for seed, (split, found) in enumerate(splits.items())}
        (tmp_path / name / FILE).write_bytes(build_statistics(counts, names).SerializeToString())
        return ExampleStatistics(tmp_path / name)

    return make


GOOD = {"train": ((100, 100, 100), 100.0), "test": ((40, 40, 40), 100.0)}


@pytest.fixture
def validate(span: Callable, tmp_path: Path) -> Callable[..., tuple[dict, anomalies_pb2.Anomalies, str]]:
    """Validates statistics against the schema of good ones."""
    (tmp_path / "schema").mkdir()
    schema = Schema(tmp_path / "schema")
    generate_schema(SchemaGenConfig(), Context(tmp_path), statistics=span("good", **GOOD), schema=schema)

    def run(statistics: ExampleStatistics, previous: ExampleStatistics | None = None, fail: bool = False):
        anomalies = ExampleAnomalies(tmp_path / f"anomalies_of_{statistics.path.name}")
        anomalies.path.mkdir()
        result = validate_examples(
            ExampleValidatorConfig(fail=fail),
            Context(tmp_path / "scratch"),
            statistics=statistics,
            schema=schema,
            previous=previous,
            anomalies=anomalies,
        )
        text = (anomalies.path / "anomalies.pbtxt").read_text()
        page = (anomalies.path / "anomalies.html").read_text()
        return result, text_format.Parse(text, anomalies_pb2.Anomalies()), page

    return run


def test_good_examples(span: Callable, validate: Callable) -> None:
    found, message, page = validate(span("same", **GOOD), fail=True)
    assert found == {"errors": 0, "warnings": 0, "valid": True, "anomalies": []}
    assert not message.anomaly_info
    assert len(message.baseline.feature) == 8
    assert "None: the examples are as the schema says." in page


def _kinds(message: anomalies_pb2.Anomalies, feature: str) -> list[str]:
    return [
        anomalies_pb2.AnomalyInfo.Type.Name(reason.type) for reason in message.anomaly_info[feature].reason
    ]


def test_an_unknown_class(span: Callable, validate: Callable) -> None:
    found, message, page = validate(
        span("b", (*NAMES, "<elk>"), train=((90, 90, 90, 5), 100.0), test=((40, 40, 40, 0), 100.0))
    )
    assert found["anomalies"] == ["label of train has values that the schema doesn't know: <elk>"]
    assert _kinds(message, "label") == ["ENUM_TYPE_UNEXPECTED_STRING_VALUES"]
    assert message.anomaly_info["label"].severity == anomalies_pb2.AnomalyInfo.ERROR
    assert "&lt;elk&gt;" in page
    assert "<elk>" not in page


def test_a_class_that_is_missing(span: Callable, validate: Callable) -> None:
    found, message, _ = validate(span("b", train=((100, 0, 100), 100.0), test=((50, 50, 0), 100.0)))
    assert "label of train has no dog" in found["anomalies"]
    assert "label of test has no owl" in found["anomalies"]
    assert found["errors"] == 1, "a test split without a class is a warning"
    assert "FEATURE_TYPE_LOW_UNIQUE" in _kinds(message, "label")


def test_ranges_and_numbers_of_examples(span: Callable, validate: Callable) -> None:
    found, message, _ = validate(span("b", train=((60, 60, 60), 220.0), test=((3, 3, 3), 220.0)))
    assert any("brightness of train must be at most" in text for text in found["anomalies"])
    assert _kinds(message, "brightness").count("FLOAT_TYPE_BIG_FLOAT") == 2, "in each split"
    assert "test must have at least 10 examples, but has 9" in found["anomalies"]
    assert message.dataset_anomaly_info.severity == anomalies_pb2.AnomalyInfo.ERROR


def test_a_small_set_is_told_what_allows_it(span: Callable, validate: Callable) -> None:
    small = span("b", train=((60, 60, 60), 100.0), test=((3, 3, 3), 100.0))
    expected = r"has 9\. If so few are meant, set SchemaGen\.min_examples=9\. All of it"
    with pytest.raises(InputError, match=expected):
        validate(small, fail=True)


def test_missing_features(span: Callable, validate: Callable) -> None:
    found, message, _ = validate(span("b", names=(), **GOOD))
    assert "label of train is missing" in found["anomalies"]
    assert _kinds(message, "label") == ["FEATURE_TYPE_NOT_PRESENT"] * 2


def test_drift_between_spans(span: Callable, validate: Callable) -> None:
    before = span("before", **GOOD)
    assert validate(span("again", **GOOD), previous=before)[0]["anomalies"] == []
    later = span("later", train=((160, 80, 60), 115.0), test=((40, 40, 40), 115.0))
    found, message, page = validate(later, previous=before)
    assert any(
        "label of train differs from the earlier span: L-infinity 0.2" in s for s in found["anomalies"]
    )
    assert "most of all at cat" in page
    assert any("brightness of test differs from the earlier" in text for text in found["anomalies"])
    assert not any("contrast" in text for text in found["anomalies"])
    measured = {info.path.step[0] for info in message.drift_skew_info if info.drift_measurements}
    assert measured == {feature.name for feature in message.baseline.feature}


def test_skew_between_splits_is_a_warning(span: Callable, validate: Callable) -> None:
    found, message, _ = validate(
        span("b", train=((100, 100, 100), 100.0), test=((60, 20, 20), 100.0)), fail=True
    )
    assert (found["errors"], found["warnings"]) == (0, 1)
    assert found["anomalies"][0].startswith("label of test differs from the training split")
    assert message.anomaly_info["label"].severity == anomalies_pb2.AnomalyInfo.WARNING


def test_errors_end_the_run(span: Callable, validate: Callable, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"label of train has no dog\. All of it: .*anomalies\.html"):
        validate(span("b", train=((100, 0, 100), 100.0), test=((40, 40, 40), 100.0)), fail=True)
    assert "has no dog" in (tmp_path / "scratch" / "anomalies.html").read_text()


def test_a_damaged_schema_is_named(span: Callable, tmp_path: Path, new: Callable[..., Any]) -> None:
    schema = new(Schema)
    with pytest.raises(InputError, match=r"schema\.pbtxt: does not exist"):
        read_schema(schema)
    (schema.path / "schema.pbtxt").write_bytes(b"\xff")
    with pytest.raises(InputError, match=r"schema\.pbtxt: must be a tensorflow_metadata Schema"):
        read_schema(schema)


def test_distances() -> None:
    def feature(name: str, split: Split, seed: int) -> Any:
        found = build_statistics({"train": _counts(split, seed)}, NAMES)
        return features_of(found.datasets[0])[name]

    one, other = feature("label", ((50, 30, 20), 0.0), 0), feature("label", ((20, 30, 0), 0.0), 0)
    distance = measure_distance(one, other)
    assert distance is not None
    assert distance.infinity_norm == pytest.approx(0.3)
    assert distance.largest == "dog"
    expected = jensenshannon([0.5, 0.3, 0.2], [0.4, 0.6, 0.0], 2) ** 2
    assert distance.jensen_shannon_divergence == pytest.approx(expected)
    near = measure_distance(*(feature("brightness", ((500, 0, 0), 100.0), seed) for seed in (0, 1)))
    far = measure_distance(*(feature("brightness", ((500, 0, 0), mean), 0) for mean in (40.0, 200.0)))
    assert near is not None
    assert far is not None
    assert near.jensen_shannon_divergence < 0.05
    assert far.jensen_shannon_divergence == pytest.approx(1.0)
    same = feature("height", ((5, 0, 0), 0.0), 0)
    still = measure_distance(same, same)
    assert still is not None
    assert still.jensen_shannon_divergence == 0
    assert measure_distance(same, feature("label", ((5, 0, 0), 0.0), 0)) is None


@dataclass(frozen=True)
class ProvideConfig:
    folder: str


def provide(
    config: ProvideConfig, context: Context, *, statistics: Output[ExampleStatistics]
) -> dict[str, Any]:
    shutil.copytree(config.folder, statistics.path, dirs_exist_ok=True)
    return {}


def test_a_run_compares_with_the_span_of_the_run_before(span: Callable, tmp_path: Path) -> None:
    store = Store(tmp_path / "root")
    before = span("before", **GOOD)
    later = span("later", train=((160, 80, 60), 115.0), test=((40, 40, 40), 115.0))

    def run(data: ExampleStatistics) -> NodeResult:
        made = Stage(provide, "Provide")(ProvideConfig(str(data.path)))["statistics"]
        schema = SchemaGen(SchemaGenConfig(), statistics=made)["schema"]
        validator = ExampleValidator(
            ExampleValidatorConfig(drift="warning"),
            statistics=made,
            schema=schema,
            previous=latest_valid(made),
        )
        runner = Runner(Pipeline("spans", (made.node, schema.node, validator)), store)
        runner.run("command", "1")
        return runner.results["ExampleValidator"]

    first, again, second = run(before), run(before), run(later)
    assert first.record["anomalies"] == [] and again.cached
    assert (second.record["errors"], second.record["valid"]) == (0, True)
    assert any("label of train differs from the earlier span" in text for text in second.record["anomalies"])
    assert run(later).cached
    store.close()


def test_pictures_that_look_alike_are_a_warning(span: Callable, validate: Callable) -> None:
    statistics = span("alike", **GOOD)
    pair = Picture("train", "a.png", "cat"), Picture("test", "b.png", "dog"), 0.999
    near = NearDuplicates(2, {"train": {"test": 1}, "test": {"train": 1}}, {"train": 1, "test": 1}, [pair])
    (statistics.path / near_duplicates.FILE).write_bytes(near.encode())
    result, message, page = validate(statistics)
    assert (result["errors"], result["warnings"], result["valid"]) == (0, 3, True)
    assert "test has pictures that look like some of train: 1" in result["anomalies"][1]
    assert message.anomaly_info["label"].severity == anomalies_pb2.AnomalyInfo.WARNING
    assert "such as train&#x27;s cat a.png and test&#x27;s dog b.png" in page
    (statistics.path / near_duplicates.FILE).write_text("{}")
    with pytest.raises(
        InputError, match=r"near_duplicates.json: is damaged: 'pairs'; run StatisticsGen again"
    ):
        read_near_duplicates(statistics)
