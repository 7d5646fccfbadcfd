"""Ready pipeline: a pretrained network, re-trained on few pictures and pushed.

    nst pipeline run --pipeline=fine_tuning --serving_dir=saved_models

As it stands it takes the digits that come along and a shallow part of VGG-19, so that it ends in minutes. For
photos of yours:

    --set=ExampleGen.dataset=pictures/ --set=ExampleGen.image_size=160 --set=FineTuner.image_size=160
    --set=FineTuner.base_layer= --set=FineTuner.flip=true
"""

from pathlib import Path

from pipelines.engine.stage import Channel, Node, Pipeline
from pipelines.ready.shared import classifier_pipeline
from pipelines.stages.fine_tuner import FineTuner, FineTunerConfig


def pipeline(serving_dir: Path) -> Pipeline:
    """The pipeline, which pushes to `serving_dir/fine_tuned`."""

    def train(examples: Channel, schema: Channel) -> Node:
        # Only the head: digits are no photos, and the base's first layers know their strokes already.
        config = FineTunerConfig(base_layer="relu3_1", image_size=32, epochs=0, flip=False)
        return FineTuner(config, examples=examples)

    return classifier_pipeline("fine_tuning", "fine_tuned", train, serving_dir)
