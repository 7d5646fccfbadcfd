"""SchemaGen: what examples must look like, inferred from statistics or written by hand."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from nst_keras.errors import InputError
from nst_keras.fields import FROM_ONE, POSITIVE, Settings, number, setting
from nst_keras.storage.files import open_file, write_whole
from pipelines.engine.stage import Context, Input, Output, Stage
from pipelines.kinds import ExampleStatistics, Schema


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
    """
    from google.protobuf import text_format

    from pipelines.statistics.protos import read_statistics
    from pipelines.statistics.schema import FILE, infer_schema, parse_schema

    if config.schema:
        with open_file(Path(config.schema).expanduser()) as file:
            data = file.read()
        wanted = parse_schema(data, config.schema)
    else:
        splits = read_statistics(statistics)
        if not splits.datasets:
            raise InputError(f"{statistics.path}: must hold statistics of a split, but has none")
        wanted = infer_schema(splits, config.min_examples, config.label_drift, config.number_drift)
        data = text_format.MessageToString(wanted).encode()
    write_whole(schema.path / FILE, data)
    return {"features": len(wanted.feature), "inferred": not config.schema}


SchemaGen = Stage(
    generate_schema,
    "SchemaGen",
    reads=lambda config: [Path(config.schema).expanduser()] if config.schema else [],
    hands_out=True,
)
