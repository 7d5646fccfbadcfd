"""SchemaGen: a schema of what was seen, or the one that somebody wrote."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from tensorflow_metadata.proto.v0 import schema_pb2

from nst_keras.errors import InputError
from pipelines.engine.stage import Context
from pipelines.kinds import Examples, ExampleStatistics, Schema
from pipelines.stages.schema_gen import SchemaGen, SchemaGenConfig, generate_schema
from pipelines.stages.statistics_gen import StatisticsGenConfig, generate_statistics
from pipelines.statistics.schema import label_names, read_schema


@pytest.fixture(scope="module")
def statistics(few_digits: Examples, tmp_path_factory: pytest.TempPathFactory) -> ExampleStatistics:
    folder = tmp_path_factory.mktemp("statistics")
    found = ExampleStatistics(folder / "found")
    found.path.mkdir()
    context = Context(folder / "scratch")
    generate_statistics(StatisticsGenConfig(), context, examples=few_digits, statistics=found)
    return found


def test_inferred(statistics: ExampleStatistics, new: Callable[..., Any], tmp_path: Path) -> None:
    schema = new(Schema)
    config = SchemaGenConfig(label_drift=0.2, min_examples=50)
    found = generate_schema(config, Context(tmp_path / "g"), statistics=statistics, schema=schema)
    assert found == {"features": 8, "inferred": True}
    message = read_schema(schema)
    features = {feature.name: feature for feature in message.feature}
    assert label_names(message) == tuple("0123456789")
    assert features["label"].type == schema_pb2.BYTES
    assert features["label"].drift_comparator.infinity_norm.threshold == 0.2
    assert (features["height"].int_domain.min, features["height"].int_domain.max) == (8, 8)
    brightness = features["brightness"]
    assert brightness.type == schema_pb2.FLOAT
    assert 0 <= brightness.float_domain.min < 50
    assert 100 < brightness.float_domain.max <= 255
    assert brightness.presence.min_fraction == 1
    assert brightness.drift_comparator.jensen_shannon_divergence.threshold == 0.1
    assert message.dataset_constraints.min_examples_count == 50


def test_a_curated_schema_is_used_as_it_is(
    statistics: ExampleStatistics, new: Callable[..., Any], tmp_path: Path
) -> None:
    schema, written = new(Schema), tmp_path / "mine.pbtxt"
    written.write_text('# by hand\nfeature { name: "label" type: BYTES domain: "digits" }\n')
    written.write_text(written.read_text() + 'string_domain { name: "digits" value: ["0", "1"] }\n')
    config = SchemaGenConfig(schema=str(written))
    found = generate_schema(config, Context(tmp_path / "g"), statistics=statistics, schema=schema)
    assert found == {"features": 1, "inferred": False}
    assert (schema.path / "schema.pbtxt").read_bytes() == written.read_bytes()
    assert label_names(read_schema(schema)) == ("0", "1")
    assert SchemaGen.reads(config) == [written]
    assert SchemaGen.reads(SchemaGenConfig()) == []


@pytest.mark.parametrize(
    ("text", "message"),
    [("feature { nam: 1 }", "must be a tensorflow_metadata Schema"), ("", "must have features")],
)
def test_a_schema_that_is_none(
    statistics: ExampleStatistics, new: Callable[..., Any], tmp_path: Path, text: str, message: str
) -> None:
    (tmp_path / "bad.pbtxt").write_text(text)
    with pytest.raises(InputError, match=rf"bad\.pbtxt: {message}"):
        generate_schema(
            SchemaGenConfig(schema=str(tmp_path / "bad.pbtxt")),
            Context(tmp_path / "g"),
            statistics=statistics,
            schema=new(Schema),
        )
    with pytest.raises(InputError, match="label_drift must be"):
        SchemaGenConfig(label_drift=0.0)
