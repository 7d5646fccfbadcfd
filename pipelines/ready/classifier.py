"""Ready pipeline: from labelled pictures to a pushed classifier.

    nst pipeline run --pipeline=classifier --serving_dir=saved_models

As it stands it takes the digits that come along; `--set=ExampleGen.dataset=pictures/` takes a folder with a
folder of pictures for each class, or name a set of tensorflow-datasets.
"""

from pathlib import Path

from pipelines.engine.stage import Channel, Node, Pipeline
from pipelines.ready.shared import classifier_pipeline
from pipelines.stages.example_gen import ExampleGenConfig
from pipelines.stages.trainer import Trainer, TrainerConfig


def pipeline(serving_dir: Path) -> Pipeline:
    """The pipeline, which pushes to `serving_dir/classifier`."""

    def train(examples: Channel, schema: Channel) -> Node:
        config = TrainerConfig.of("small_cnn", ExampleGenConfig.dataset, epochs=20, batch_size=32)
        return Trainer(config, examples=examples, schema=schema)

    return classifier_pipeline("classifier", "classifier", train, serving_dir)
