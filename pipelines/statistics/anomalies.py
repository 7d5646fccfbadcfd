"""Where statistics break a schema, have drifted from earlier ones, or differ between splits."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from tensorflow_metadata.proto.v0 import anomalies_pb2, schema_pb2

from nst_keras.pictures.measurements import FLOAT_FEATURES
from pipelines.statistics.counts import SERVING
from pipelines.statistics.distances import measure_distance
from pipelines.statistics.near_duplicates import NearDuplicates, Picture
from pipelines.statistics.protos import (
    LABEL,
    Features,
    FeatureStatistics,
    Statistics,
    common_of,
    features_of,
    label_counts,
)
from pipelines.statistics.schema import label_names

_Info, _Measure = anomalies_pb2.AnomalyInfo, anomalies_pb2.DriftSkewInfo.Measurement
ERROR, WARNING = "ERROR", "WARNING"
TOO_FEW = "DATASET_LOW_NUM_EXAMPLES"
TRAIN = "train"
_TYPES = {schema_pb2.BYTES: ("STRING", "BYTES"), schema_pb2.INT: ("INT",), schema_pb2.FLOAT: ("FLOAT",)}
_MEASURES = {"L_INFTY": "infinity_norm", "JENSEN_SHANNON_DIVERGENCE": "jensen_shannon_divergence"}
_LISTED = 5
_FEW = 50  # pictures; the histograms of fewer differ by chance


@dataclass(frozen=True)
class Anomaly:
    """Something that is not as it must be."""

    feature: str  # empty: all of the split
    split: str
    severity: str  # ERROR or WARNING
    kind: str  # a name of `AnomalyInfo.Type`
    text: str  # a sentence without a full stop


@dataclass(frozen=True)
class Comparison:
    """A distance that the schema limits: drift from an earlier span, or skew from the training split."""

    feature: str
    split: str
    what: str
    measure: str
    value: float
    threshold: float
    largest: str


def find_anomalies(
    statistics: Statistics, previous: Statistics, schema: schema_pb2.Schema, drift: str = ERROR
) -> tuple[list[Anomaly], list[Comparison]]:
    """What is wrong with splits by the schema, beside the training split, and beside earlier ones, if any.

    `drift` is the severity of drift from the earlier ones.
    """
    comparisons = list(_compare_all(statistics, previous, schema))
    differing = [_anomaly_of(comparison, drift) for comparison in comparisons]
    return [*_check_splits(statistics, schema), *filter(None, differing)], comparisons


def _check_splits(statistics: Statistics, schema: schema_pb2.Schema) -> Iterator[Anomaly]:
    """Holds each split against the schema."""
    names = label_names(schema)
    least = max(1, schema.dataset_constraints.min_examples_count)
    for dataset in statistics.datasets:
        if dataset.name == SERVING:
            continue  # a request has no label and may be of any size: only its skew counts
        split, features = dataset.name, features_of(dataset)
        if dataset.num_examples < least:
            text = f"must have at least {least} examples, but has {dataset.num_examples}"
            yield Anomaly("", split, ERROR, TOO_FEW, text)
        for wanted in schema.feature:
            if wanted.name not in features:
                yield Anomaly(wanted.name, split, ERROR, "FEATURE_TYPE_NOT_PRESENT", "is missing")
            elif dataset.num_examples:
                yield from _check_feature(wanted, features[wanted.name], split, names)
        for name in features.keys() - {wanted.name for wanted in schema.feature}:
            yield Anomaly(name, split, WARNING, "SCHEMA_NEW_COLUMN", "is not in the schema")


def _check_feature(
    wanted: schema_pb2.Feature, observed: FeatureStatistics, split: str, names: tuple[str, ...]
) -> Iterator[Anomaly]:
    kind, common = FeatureStatistics.Type.Name(observed.type), common_of(observed)
    if kind not in _TYPES.get(wanted.type, (kind,)):
        text = f"must be of type {schema_pb2.FeatureType.Name(wanted.type)}, but is {kind}"
        yield Anomaly(wanted.name, split, ERROR, "UNEXPECTED_DATA_TYPE", text)
        return
    examples = common.num_non_missing + common.num_missing
    if common.num_non_missing < wanted.presence.min_fraction * examples:
        text = f"is missing in {common.num_missing} of {examples} examples"
        yield Anomaly(wanted.name, split, ERROR, "FEATURE_TYPE_LOW_FRACTION_PRESENT", text)
    if not common.num_non_missing:
        return
    if wanted.name == LABEL:
        yield from _check_labels(wanted, observed, split, names)
    else:
        yield from _check_range(wanted, observed, split)


def _check_labels(
    wanted: schema_pb2.Feature, observed: FeatureStatistics, split: str, names: tuple[str, ...]
) -> Iterator[Anomaly]:
    seen = label_counts(observed)
    unknown = [name for name in seen if names and name not in names]
    if unknown:
        text = f"has values that the schema doesn't know: {_list(unknown)}"
        yield Anomaly(LABEL, split, ERROR, "ENUM_TYPE_UNEXPECTED_STRING_VALUES", text)
    missing = [name for name in names if name not in seen]
    if missing and len(seen) - len(unknown) < wanted.unique_constraints.min:
        # A class that isn't trained on can't be told; one that isn't tested may only be unknown.
        severity = ERROR if split == TRAIN else WARNING
        yield Anomaly(LABEL, split, severity, "FEATURE_TYPE_LOW_UNIQUE", f"has no {_list(missing)}")


def _check_range(wanted: schema_pb2.Feature, observed: FeatureStatistics, split: str) -> Iterator[Anomaly]:
    domain = wanted.WhichOneof("domain_info")
    if domain not in ("int_domain", "float_domain"):
        return
    limits, stats, kind = getattr(wanted, domain), observed.num_stats, domain.partition("_")[0].upper()
    if limits.HasField("min") and stats.min < limits.min:
        text = f"must be at least {limits.min:g}, but goes down to {stats.min:g}"
        yield Anomaly(wanted.name, split, ERROR, f"{kind}_TYPE_SMALL_{kind}", text)
    if limits.HasField("max") and stats.max > limits.max:
        text = f"must be at most {limits.max:g}, but goes up to {stats.max:g}"
        yield Anomaly(wanted.name, split, ERROR, f"{kind}_TYPE_BIG_{kind}", text)


def _compare_all(
    statistics: Statistics, previous: Statistics, schema: schema_pb2.Schema
) -> Iterator[Comparison]:
    """The skew of splits from the training split, and their drift from earlier ones, if large enough."""
    splits, before = (
        {data.name: features_of(data) for data in part.datasets if data.num_examples >= _FEW}
        for part in (statistics, previous)
    )
    for name, features in splits.items():
        if TRAIN in splits and name != TRAIN:
            # The pictures of the set were made alike in size and stored anew, those of requests weren't.
            seen = {n: f for n, f in features.items() if name != SERVING or n in FLOAT_FEATURES}
            yield from _compare(splits[TRAIN], seen, schema, name, "skew")
    for name, features in splits.items():
        if name in before and name != SERVING:
            yield from _compare(before[name], features, schema, name, "drift")


def _compare(
    before: Features, after: Features, schema: schema_pb2.Schema, split: str, what: str
) -> Iterator[Comparison]:
    for wanted in schema.feature:
        limits = wanted.drift_comparator if what == "drift" else wanted.skew_comparator
        if not limits.ListFields() or wanted.name not in before or wanted.name not in after:
            continue
        distance = measure_distance(before[wanted.name], after[wanted.name])
        for measure, field in _MEASURES.items():
            if distance is not None and limits.HasField(field):
                value, threshold = getattr(distance, field), getattr(limits, field).threshold
                yield Comparison(wanted.name, split, what, measure, value, threshold, distance.largest)


def _anomaly_of(comparison: Comparison, drift: str) -> Anomaly | None:
    """What is wrong with a distance; skew between splits is a warning."""
    if comparison.value <= comparison.threshold:
        return None
    drifted = comparison.what == "drift"
    severity, against = (drift, "the earlier span") if drifted else (WARNING, "the training split")
    name = "L-infinity" if comparison.measure == "L_INFTY" else "Jensen-Shannon divergence"
    text = (
        f"differs from {against}: {name} {comparison.value:.3g} is above {comparison.threshold:g}, "
        f"most of all at {comparison.largest}"
    )
    kind = f"COMPARATOR_{comparison.measure}_HIGH"
    return Anomaly(comparison.feature, comparison.split, severity, kind, text)


def find_look_alikes(near: NearDuplicates) -> list[Anomaly]:
    """Where pictures look like ones that were trained on, or have another label than such a picture."""
    found = []
    for split, alike in near.alike.items():
        if split != TRAIN and alike.get(TRAIN):
            pairs = (pair for *pair, _ in near.pairs if {one.split for one in pair} == {split, TRAIN})
            text = f"has pictures that look like some of {TRAIN}: {alike[TRAIN]}{_such_as(pairs)}"
            found.append(Anomaly("", split, WARNING, "CUSTOM_VALIDATION", text))
        if count := near.relabelled.get(split):
            pairs = (pair for *pair, _ in near.pairs if len({one.label for one in pair}) > 1)
            pairs = (pair for pair in pairs if split in {one.split for one in pair})
            text = f"is another than that of a picture that looks alike: {count} pictures{_such_as(pairs)}"
            found.append(Anomaly(LABEL, split, WARNING, "CUSTOM_VALIDATION", text))
    return found


def _such_as(pairs: Iterable[Sequence[Picture]]) -> str:
    for one, other in pairs:
        names = (f"{seen.split}'s {seen.label} {seen.name}".replace("  ", " ") for seen in (one, other))
        return f", such as {' and '.join(names)}"
    return ""


def build_anomalies(
    schema: schema_pb2.Schema, anomalies: list[Anomaly], comparisons: list[Comparison]
) -> anomalies_pb2.Anomalies:
    """Makes the proto: for each feature its reasons, and all distances; what is wrong with splits apart."""
    message = anomalies_pb2.Anomalies(
        baseline=schema, anomaly_name_format=anomalies_pb2.Anomalies.SERIALIZED_PATH
    )
    for anomaly in anomalies:
        if anomaly.feature:
            info = message.anomaly_info[anomaly.feature]
            info.path.step[:] = [anomaly.feature]
        else:
            info = message.dataset_anomaly_info
        text = f"{anomaly.split}: {anomaly.text}"
        info.reason.add(type=_Info.Type.Value(anomaly.kind), short_description=text, description=text)
        info.severity = max(info.severity, _Info.Severity.Value(anomaly.severity))
        info.short_description = text if len(info.reason) == 1 else "Multiple errors"
        info.description = ". ".join(reason.description for reason in info.reason)
    for comparison in comparisons:
        info = message.drift_skew_info.add()
        info.path.step.append(comparison.feature)
        measures = info.drift_measurements if comparison.what == "drift" else info.skew_measurements
        kind = _Measure.Type.Value(comparison.measure)
        measures.add(type=kind, value=comparison.value, threshold=comparison.threshold)
    return message


def _list(names: list[str]) -> str:
    more = f" and {len(names) - _LISTED} more" if len(names) > _LISTED else ""
    return ", ".join(names[:_LISTED]) + more
