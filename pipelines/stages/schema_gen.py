"""SchemaGen: what examples must look like, inferred from statistics or written by hand."""

import math
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nst_keras.errors import InputError
from nst_keras.fields import FROM_ONE, POSITIVE, Settings, number, setting
from nst_keras.storage.files import open_file, write_whole
from pipelines.engine.stage import Context, Input, Output, Stage
from pipelines.kinds import ExampleStatistics, Schema

if TYPE_CHECKING:
    from tensorflow_metadata.proto.v0 import schema_pb2

    from pipelines.statistics.protos import FeatureStatistics


@dataclass(frozen=True)
class SchemaGenConfig(Settings):
    """Where the schema comes from, and how strict an inferred one is."""

    schema: str = setting("", "A schema.pbtxt to be used as it is; empty: infer one from the statistics.")
    min_examples: int = number(10, "Fewest examples of each split, if there are labels.", FROM_ONE)
    label_drift: float = number(0.1, "Most that a class's share may differ (L-infinity).", POSITIVE)
    number_drift: float = number(0.1, "Most that a number may drift (Jensen-Shannon, bits).", POSITIVE)


def generate_schema(
    config: SchemaGenConfig, context: Context, *, statistics: Input[ExampleStatistics], schema: Output[Schema]
) -> dict[str, Any]:
    """Writes schema.pbtxt.

    An inferred schema holds what the training split is like: types, presence, names of labels, and the range
    of each number, exact if there is one value, else wider by half its width on both sides.

    Returns:
        Number of features, and whether the schema was inferred.

    Raises:
        InputError: If the given schema can't be read or parsed, or there are no statistics.
    """
    from google.protobuf import text_format

    from pipelines.statistics.protos import read_statistics
    from pipelines.statistics.schema import FILE, parse_schema

    if config.schema:
        with open_file(Path(config.schema).expanduser()) as file:
            data = file.read()
        found = parse_schema(data, config.schema)
    else:
        found = _infer(config, read_statistics(statistics), statistics)
        data = text_format.MessageToString(found).encode()
    write_whole(schema.path / FILE, data)
    return {"features": len(found.feature), "inferred": not config.schema}


def _infer(config: SchemaGenConfig, found: Any, statistics: ExampleStatistics) -> "schema_pb2.Schema":
    from tensorflow_metadata.proto.v0 import schema_pb2

    from pipelines.statistics.protos import LABEL, features_of

    if not found.datasets:
        raise InputError(f"{statistics.path}: must hold statistics of a split, but has none")
    splits = {dataset.name: features_of(dataset) for dataset in found.datasets}
    features = splits.get("train") or next(iter(splits.values()))
    schema = schema_pb2.Schema()
    schema.dataset_constraints.min_examples_count = config.min_examples if LABEL in features else 1
    for name, statistics_ in features.items():
        feature = schema.feature.add(name=name)
        feature.presence.min_fraction, feature.presence.min_count = 1.0, 1
        feature.shape.dim.add(size=1)
        if name == LABEL:
            _infer_label(feature, statistics_, config)
        else:
            _infer_number(feature, statistics_, config)
    return schema


def _infer_label(feature: "schema_pb2.Feature", found: "FeatureStatistics", config: SchemaGenConfig) -> None:
    from tensorflow_metadata.proto.v0 import schema_pb2

    from pipelines.statistics.protos import label_counts

    names = sorted(label_counts(found))
    feature.type = schema_pb2.BYTES
    feature.string_domain.value.extend(names)
    feature.unique_constraints.min = feature.unique_constraints.max = len(names)
    for comparator in (feature.drift_comparator, feature.skew_comparator):
        comparator.infinity_norm.threshold = config.label_drift


def _infer_number(feature: "schema_pb2.Feature", found: "FeatureStatistics", config: SchemaGenConfig) -> None:
    from tensorflow_metadata.proto.v0 import schema_pb2

    from pipelines.statistics.counts import LIMITS

    stats = found.num_stats
    low, high = LIMITS.get(feature.name, (1.0 if found.type == found.INT else 0.0, math.inf))
    margin = (stats.max - stats.min) / 2
    low, high = max(low, stats.min - margin), min(high, stats.max + margin)
    if found.type == found.INT:
        feature.type = schema_pb2.INT
        feature.int_domain.min, feature.int_domain.max = math.floor(low), math.ceil(high)
    else:
        feature.type = schema_pb2.FLOAT
        feature.float_domain.min, feature.float_domain.max = low, high
    for comparator in (feature.drift_comparator, feature.skew_comparator):
        comparator.jensen_shannon_divergence.threshold = config.number_drift


def _reads(config: SchemaGenConfig) -> list[Path]:
    return [Path(config.schema).expanduser()] if config.schema else []


SchemaGen = Stage(generate_schema, "SchemaGen", reads=_reads)
