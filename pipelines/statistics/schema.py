"""Schemas as text protos, `schema.pbtxt`."""

import math

from google.protobuf import text_format
from tensorflow_metadata.proto.v0 import schema_pb2

from nst_keras.errors import InputError
from nst_keras.pictures.measurements import LIMITS
from nst_keras.storage.files import open_file
from pipelines.kinds import Schema
from pipelines.statistics.protos import LABEL, FeatureStatistics, Statistics, features_of, label_counts

FILE = "schema.pbtxt"


def parse_schema(data: bytes, name: str) -> schema_pb2.Schema:
    """Parses a schema; `name` stands for it in messages."""
    try:
        schema = text_format.Parse(data.decode(), schema_pb2.Schema())
    except (text_format.ParseError, UnicodeDecodeError) as error:
        raise InputError(f"{name}: must be a tensorflow_metadata Schema as text: {error}") from error
    if not schema.feature:
        raise InputError(f"{name}: must have features, but has none")
    return schema


def read_schema(schema: Schema) -> schema_pb2.Schema:
    """Reads schema.pbtxt."""
    path = schema.path / FILE
    with open_file(path) as file:
        return parse_schema(file.read(), str(path))


def infer_schema(
    statistics: Statistics, min_examples: int, label_drift: float, number_drift: float
) -> schema_pb2.Schema:
    """What the training split, or else the first one, is like; limits are as in SchemaGen's config."""
    splits = {dataset.name: features_of(dataset) for dataset in statistics.datasets}
    features = splits.get("train") or next(iter(splits.values()))
    schema = schema_pb2.Schema()
    schema.dataset_constraints.min_examples_count = min_examples if LABEL in features else 1
    for name, observed in features.items():
        feature = schema.feature.add(name=name)
        feature.presence.min_fraction, feature.presence.min_count = 1.0, 1
        feature.shape.dim.add(size=1)
        comparators = (feature.drift_comparator, feature.skew_comparator)
        if name == LABEL:
            names = sorted(label_counts(observed))
            feature.type = schema_pb2.BYTES
            feature.string_domain.value.extend(names)
            feature.unique_constraints.min = feature.unique_constraints.max = len(names)
            for comparator in comparators:
                comparator.infinity_norm.threshold = label_drift
        else:
            _infer_range(feature, observed)
            for comparator in comparators:
                comparator.jensen_shannon_divergence.threshold = number_drift
    return schema


def _infer_range(feature: schema_pb2.Feature, observed: FeatureStatistics) -> None:
    stats, is_int = observed.num_stats, observed.type == FeatureStatistics.INT
    low, high = LIMITS.get(feature.name, (1.0 if is_int else 0.0, math.inf))
    margin = (stats.max - stats.min) / 2
    low, high = max(low, stats.min - margin), min(high, stats.max + margin)
    if is_int:
        feature.type = schema_pb2.INT
        feature.int_domain.min, feature.int_domain.max = math.floor(low), math.ceil(high)
    else:
        feature.type = schema_pb2.FLOAT
        feature.float_domain.min, feature.float_domain.max = low, high


def label_names(schema: schema_pb2.Schema) -> tuple[str, ...]:
    """The names that the feature "label" may have; none if there is no such feature or list."""
    domains = {domain.name: domain for domain in schema.string_domain}
    for feature in schema.feature:
        if feature.name == "label":
            domain = domains.get(feature.domain) if feature.domain else feature.string_domain
            return tuple(domain.value) if domain else ()
    return ()
