"""ExampleValidator: where examples break their schema, and whether they have drifted."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from nst_keras.errors import InputError
from nst_keras.fields import Settings, choice, setting
from nst_keras.reports.page_parts import cards, frame, heading, note, table
from nst_keras.storage.files import write_whole
from pipelines.engine.stage import Context, Input, Output, Stage
from pipelines.kinds import ExampleAnomalies, ExampleStatistics, Schema

if TYPE_CHECKING:
    from pathlib import Path

    from pipelines.statistics.anomalies import Anomaly, Comparison

_LISTED = 5


@dataclass(frozen=True)
class ExampleValidatorConfig(Settings):
    """What follows from anomalies."""

    fail: bool = setting(True, "End the run at an anomaly of severity ERROR.")
    drift: str = choice("error", "What drift from the earlier span is", ("error", "warning"))


def validate_examples(
    config: ExampleValidatorConfig,
    context: Context,
    *,
    statistics: Input[ExampleStatistics],
    schema: Input[Schema],
    previous: Input[ExampleStatistics] | None,
    anomalies: Output[ExampleAnomalies],
) -> dict[str, Any]:
    """Writes anomalies.pbtxt and anomalies.html.

    Breaks of the schema and, unless the config says otherwise, drift from `previous` are errors; a class that
    is missing outside the training split, skew of the other splits and of what was served, and pictures that
    look like ones of the training split or of another class, are warnings.
    If `fail` is set, errors end the run. "valid" says that there are none: `pipelines.kinds.latest_valid`
    finds such statistics again.
    """
    from google.protobuf import text_format

    from pipelines.statistics.anomalies import (
        ERROR,
        TOO_FEW,
        build_anomalies,
        find_anomalies,
        find_look_alikes,
    )
    from pipelines.statistics.counts import SERVING
    from pipelines.statistics.near_duplicates import read_near_duplicates
    from pipelines.statistics.protos import Statistics, read_statistics
    from pipelines.statistics.schema import read_schema

    wanted, observed = read_schema(schema), read_statistics(statistics)
    earlier = read_statistics(previous) if previous else Statistics()
    breaks, comparisons = find_anomalies(observed, earlier, wanted, config.drift.upper())
    breaks += find_look_alikes(read_near_duplicates(statistics))
    errors = [_sentence(anomaly) for anomaly in breaks if anomaly.severity == ERROR]
    warnings = [_sentence(anomaly) for anomaly in breaks if anomaly.severity != ERROR]
    if errors and config.fail:
        few = [anomaly for anomaly in breaks if anomaly.kind == TOO_FEW]
        # The output of a stage that fails is dropped, but somebody will want to look.
        page = context.scratch / "anomalies.html"
        _write_page(page, breaks, comparisons)
        more = f"; and {len(errors) - _LISTED} more" if len(errors) > _LISTED else ""
        least = min(data.num_examples for data in observed.datasets if data.name != SERVING)
        hint = f". If so few are meant, set SchemaGen.min_examples={least}" if few and least else ""
        raise InputError(f"{statistics.path}: {'; '.join(errors[:_LISTED])}{more}{hint}. All of it: {page}")
    for sentence in [*errors, *warnings]:
        context.say(sentence)
    text = text_format.MessageToString(build_anomalies(wanted, breaks, comparisons))
    write_whole(anomalies.path / "anomalies.pbtxt", text.encode())
    _write_page(anomalies.path / "anomalies.html", breaks, comparisons)
    counts = {"errors": len(errors), "warnings": len(warnings)}
    return {**counts, "valid": not errors, "anomalies": [*errors, *warnings]}


def _sentence(anomaly: "Anomaly") -> str:
    subject = f"{anomaly.feature} of {anomaly.split}" if anomaly.feature else anomaly.split
    return f"{subject} {anomaly.text}"


def _write_page(path: "Path", breaks: "list[Anomaly]", comparisons: "list[Comparison]") -> None:
    severities = [anomaly.severity for anomaly in breaks]
    parts = cards({"errors": severities.count("ERROR"), "warnings": severities.count("WARNING")})
    parts.append(heading("Anomalies"))
    if breaks:
        rows = [[a.feature or "all", a.split, a.severity, a.text] for a in breaks]
        parts.append(table(["feature", "split", "severity", "what"], rows))
    else:
        parts.append(note("None: the examples are as the schema says."))
    if comparisons:
        distances = [[c.feature, c.split, c.what, c.measure, c.value, c.threshold] for c in comparisons]
        parts.append(heading("Distances"))
        parts.append(table(["feature", "split", "kind", "measure", "distance", "limit"], distances))
    write_whole(path, frame("Anomalies of examples", parts).encode())


ExampleValidator = Stage(validate_examples, "ExampleValidator", hands_out=True)
