"""What ready pipelines share: a classifier from labelled pictures, and what follows a judged model."""

from collections.abc import Callable
from pathlib import Path

from pipelines.engine.stage import Channel, Node, Pipeline
from pipelines.judging.lookup import served_model
from pipelines.kinds import judged, latest_valid
from pipelines.stages.evaluator import Evaluator, EvaluatorConfig
from pipelines.stages.example_gen import ExampleGen, ExampleGenConfig
from pipelines.stages.example_validator import ExampleValidator, ExampleValidatorConfig
from pipelines.stages.exporter import Exporter, ExporterConfig
from pipelines.stages.infra_validator import InfraValidator, InfraValidatorConfig
from pipelines.stages.pusher import Pusher, PusherConfig
from pipelines.stages.schema_gen import SchemaGen, SchemaGenConfig
from pipelines.stages.statistics_gen import StatisticsGen, StatisticsGenConfig
from pipelines.stages.transform import Transform, TransformConfig


def classifier_pipeline(
    name: str, model_name: str, train: Callable[[Channel, Channel], Node], serving_dir: Path
) -> Pipeline:
    """From labelled pictures over a node that trains on examples with a schema to a served classifier."""
    pictures = ExampleGen(ExampleGenConfig())["examples"]
    statistics = StatisticsGen(StatisticsGenConfig(), examples=pictures)["statistics"]
    schema = SchemaGen(SchemaGenConfig(), statistics=statistics)["schema"]
    validator = ExampleValidator(
        ExampleValidatorConfig(drift="warning"),
        statistics=statistics,
        schema=schema,
        previous=latest_valid(statistics),
    )
    transform = Transform(TransformConfig(), examples=pictures, schema=schema)
    examples = transform["transformed_examples"]
    trainer = train(examples, schema)
    model = trainer["model"]
    evaluator = Evaluator(
        EvaluatorConfig(min_accuracy=0.9), examples=examples, model=model, baseline=served_model(model)
    )
    served = serve(model, evaluator["blessing"], examples, model_name, serving_dir)
    data = (pictures.node, statistics.node, schema.node, validator, transform)
    return Pipeline(name, (*data, trainer, evaluator, *served))


def serve(
    model: Channel, blessing: Channel, examples: Channel, name: str, serving_dir: Path
) -> tuple[Node, Node, Node]:
    """Exports a model, tries its SavedModel, and pushes it by a name to where model servers look."""
    exporter = Exporter(ExporterConfig(), model=model)
    servable = exporter["servable"]
    infra_validator = InfraValidator(
        InfraValidatorConfig(), servable=servable, examples=examples, model=model
    )
    pusher = Pusher(
        PusherConfig(name, str(serving_dir)),
        servable=servable,
        blessing=blessing,
        infra_blessing=infra_validator["blessing"],
        judgement=judged(model),
    )
    return exporter, infra_validator, pusher
