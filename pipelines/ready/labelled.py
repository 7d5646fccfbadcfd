"""What pipelines of classifiers have in common: the stages before the training and after it."""

from dataclasses import dataclass
from pathlib import Path

from pipelines.engine.stage import Channel, Node
from pipelines.kinds import latest_blessed
from pipelines.stages.evaluator import Evaluator, EvaluatorConfig
from pipelines.stages.example_gen import ExampleGen, ExampleGenConfig
from pipelines.stages.example_validator import ExampleValidator, ExampleValidatorConfig
from pipelines.stages.exporter import Exporter, ExporterConfig
from pipelines.stages.infra_validator import InfraValidator, InfraValidatorConfig
from pipelines.stages.pusher import Pusher, PusherConfig
from pipelines.stages.schema_gen import SchemaGen, SchemaGenConfig
from pipelines.stages.statistics_gen import StatisticsGen, StatisticsGenConfig
from pipelines.stages.transform import Transform, TransformConfig


@dataclass(frozen=True)
class Prepared:
    """Examples that can be trained on.

    Attributes:
        nodes: The stages that make them.
        examples: The examples.
        schema: Their schema.
    """

    nodes: tuple[Node, ...]
    examples: Channel
    schema: Channel


def prepare(config: ExampleGenConfig) -> Prepared:
    """Reads labelled pictures, describes and checks them, and makes them alike."""
    examples = ExampleGen(config)
    statistics = StatisticsGen(StatisticsGenConfig(), examples=examples["examples"])
    schema = SchemaGen(SchemaGenConfig(), statistics=statistics["statistics"])
    anomalies = ExampleValidator(
        ExampleValidatorConfig(), statistics=statistics["statistics"], schema=schema["schema"]
    )
    transform = Transform(TransformConfig(), examples=examples["examples"], schema=schema["schema"])
    nodes = (examples, statistics, schema, anomalies, transform)
    return Prepared(nodes, transform["transformed_examples"], schema["schema"])


def judge_and_push(
    config: EvaluatorConfig, examples: Channel, model: Channel, name: str, serving_dir: Path
) -> tuple[Node, ...]:
    """Judges a classifier, also beside the one that was blessed last, tries its SavedModel, and pushes it.

    Args:
        config: What a blessed model must reach.
        examples: With the split to judge on.
        model: The classifier.
        name: As in a server's addresses.
        serving_dir: Where model servers look.
    """
    baseline = latest_blessed(model)
    evaluator = Evaluator(config, examples=examples, model=model, baseline=baseline)
    exporter = Exporter(ExporterConfig(), model=model)
    servable = exporter["servable"]
    infra_validator = InfraValidator(InfraValidatorConfig(), servable=servable, examples=examples)
    pusher = Pusher(
        PusherConfig(name, str(serving_dir)),
        servable=servable,
        blessing=evaluator["blessing"],
        infra_blessing=infra_validator["blessing"],
    )
    return evaluator, exporter, infra_validator, pusher
