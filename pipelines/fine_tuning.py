"""Ready pipeline: a pretrained network, re-trained on few pictures and pushed.

    python -m pipelines.run --pipeline=fine_tuning --serving_dir=saved_models

As it stands it takes the digits that come along and a shallow part of VGG-19, so that it ends in minutes. For
photos of yours:

    --set=ExampleGen.dataset=pictures/ --set=ExampleGen.image_size=160 --set=FineTuner.image_size=160
    --set=FineTuner.base_layer= --set=FineTuner.flip=true
"""

from pathlib import Path

from pipelines.engine.stage import LatestBlessed, Pipeline
from pipelines.stages.evaluator import Evaluator, EvaluatorConfig
from pipelines.stages.example_gen import ExampleGen, ExampleGenConfig
from pipelines.stages.example_validator import ExampleValidator, ExampleValidatorConfig
from pipelines.stages.exporter import Exporter, ExporterConfig
from pipelines.stages.fine_tuner import FineTuner, FineTunerConfig
from pipelines.stages.infra_validator import InfraValidator, InfraValidatorConfig
from pipelines.stages.pusher import Pusher, PusherConfig
from pipelines.stages.schema_gen import SchemaGen, SchemaGenConfig
from pipelines.stages.statistics_gen import StatisticsGen, StatisticsGenConfig
from pipelines.stages.transform import Transform, TransformConfig


def pipeline(serving_dir: Path) -> Pipeline:
    """The pipeline, which pushes to `serving_dir/fine_tuned`."""
    examples = ExampleGen(ExampleGenConfig())
    statistics = StatisticsGen(StatisticsGenConfig(), examples=examples["examples"])
    schema = SchemaGen(SchemaGenConfig(), statistics=statistics["statistics"])
    anomalies = ExampleValidator(
        ExampleValidatorConfig(), statistics=statistics["statistics"], schema=schema["schema"]
    )
    transform = Transform(TransformConfig(), examples=examples["examples"], schema=schema["schema"])
    fine_tuner = FineTuner(
        # Only the head: digits are no photos, and the base's first layers know their strokes already.
        FineTunerConfig(base_layer="relu3_1", image_size=32, epochs=0, flip=False),
        examples=transform["transformed_examples"],
    )
    evaluator = Evaluator(
        EvaluatorConfig(min_accuracy=0.9),
        examples=transform["transformed_examples"],
        model=fine_tuner["model"],
        baseline=LatestBlessed(other_than=fine_tuner["model"]),
    )
    exporter = Exporter(ExporterConfig(), model=fine_tuner["model"])
    infra_validator = InfraValidator(
        InfraValidatorConfig(), servable=exporter["servable"], examples=transform["transformed_examples"]
    )
    pusher = Pusher(
        PusherConfig("fine_tuned", str(serving_dir)),
        servable=exporter["servable"],
        blessing=evaluator["blessing"],
        infra_blessing=infra_validator["blessing"],
    )
    nodes = (examples, statistics, schema, anomalies, transform, fine_tuner, evaluator, exporter)
    return Pipeline("fine_tuning", (*nodes, infra_validator, pusher))
