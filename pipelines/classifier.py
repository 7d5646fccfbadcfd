"""Ready pipeline: from labelled pictures to a pushed classifier.

    python -m pipelines.run --pipeline=classifier --serving_dir=saved_models

As it stands it takes the digits that come along; `--set=ExampleGen.dataset=pictures/` takes a folder with a
folder of pictures for each class, or name a set of tensorflow-datasets.
"""

from pathlib import Path

from pipelines.engine.stage import LatestBlessed, Pipeline
from pipelines.stages.evaluator import Evaluator, EvaluatorConfig
from pipelines.stages.example_gen import ExampleGen, ExampleGenConfig
from pipelines.stages.example_validator import ExampleValidator, ExampleValidatorConfig
from pipelines.stages.exporter import Exporter, ExporterConfig
from pipelines.stages.infra_validator import InfraValidator, InfraValidatorConfig
from pipelines.stages.pusher import Pusher, PusherConfig
from pipelines.stages.schema_gen import SchemaGen, SchemaGenConfig
from pipelines.stages.statistics_gen import StatisticsGen, StatisticsGenConfig
from pipelines.stages.trainer import Trainer, TrainerConfig
from pipelines.stages.transform import Transform, TransformConfig

DATASET = ExampleGenConfig.dataset


def pipeline(serving_dir: Path) -> Pipeline:
    """The pipeline, which pushes to `serving_dir/classifier`."""
    examples = ExampleGen(ExampleGenConfig())
    statistics = StatisticsGen(StatisticsGenConfig(), examples=examples["examples"])
    schema = SchemaGen(SchemaGenConfig(), statistics=statistics["statistics"])
    anomalies = ExampleValidator(
        ExampleValidatorConfig(), statistics=statistics["statistics"], schema=schema["schema"]
    )
    transform = Transform(TransformConfig(), examples=examples["examples"], schema=schema["schema"])
    trainer = Trainer(
        TrainerConfig.of("small_cnn", DATASET, epochs=20, batch_size=32),
        examples=transform["transformed_examples"],
        schema=schema["schema"],
    )
    evaluator = Evaluator(
        EvaluatorConfig(min_accuracy=0.9),
        examples=transform["transformed_examples"],
        model=trainer["model"],
        baseline=LatestBlessed(other_than=trainer["model"]),
    )
    exporter = Exporter(ExporterConfig(), model=trainer["model"])
    infra_validator = InfraValidator(
        InfraValidatorConfig(), servable=exporter["servable"], examples=transform["transformed_examples"]
    )
    pusher = Pusher(
        PusherConfig("classifier", str(serving_dir)),
        servable=exporter["servable"],
        blessing=evaluator["blessing"],
        infra_blessing=infra_validator["blessing"],
    )
    nodes = (examples, statistics, schema, anomalies, transform, trainer, evaluator, exporter)
    return Pipeline("classifier", (*nodes, infra_validator, pusher))
