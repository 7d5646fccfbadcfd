"""Ready pipeline: from labelled pictures to a pushed classifier.

    python -m pipelines.run --pipeline=classifier --serving_dir=saved_models

As it stands it takes the digits that come along; `--set=ExampleGen.dataset=pictures/` takes a folder with a
folder of pictures for each class, or name a set of tensorflow-datasets.
"""

from pathlib import Path

from pipelines.engine.stage import Pipeline
from pipelines.ready.labelled import judge_and_push, prepare
from pipelines.stages.evaluator import EvaluatorConfig
from pipelines.stages.example_gen import ExampleGenConfig
from pipelines.stages.trainer import Trainer, TrainerConfig


def pipeline(serving_dir: Path) -> Pipeline:
    """The pipeline, which pushes to `serving_dir/classifier`."""
    config = ExampleGenConfig()
    data = prepare(config)
    trainer = Trainer(
        TrainerConfig.of("small_cnn", config.dataset, epochs=20, batch_size=32),
        examples=data.examples,
        schema=data.schema,
    )
    rest = judge_and_push(
        EvaluatorConfig(min_accuracy=0.9), data.examples, trainer["model"], "classifier", serving_dir
    )
    return Pipeline("classifier", (*data.nodes, trainer, *rest))
