"""Ready pipeline: a pretrained network, re-trained on few pictures and pushed.

    python -m pipelines.run --pipeline=fine_tuning --serving_dir=saved_models

As it stands it takes the digits that come along and a shallow part of VGG-19, so that it ends in minutes. For
photos of yours:

    --set=ExampleGen.dataset=pictures/ --set=ExampleGen.image_size=160 --set=FineTuner.image_size=160
    --set=FineTuner.base_layer= --set=FineTuner.flip=true
"""

from pathlib import Path

from pipelines.engine.stage import Pipeline
from pipelines.ready.labelled import judge_and_push, prepare
from pipelines.stages.evaluator import EvaluatorConfig
from pipelines.stages.example_gen import ExampleGenConfig
from pipelines.stages.fine_tuner import FineTuner, FineTunerConfig


def pipeline(serving_dir: Path) -> Pipeline:
    """The pipeline, which pushes to `serving_dir/fine_tuned`."""
    data = prepare(ExampleGenConfig())
    fine_tuner = FineTuner(
        # Only the head: digits are no photos, and the base's first layers know their strokes already.
        FineTunerConfig(base_layer="relu3_1", image_size=32, epochs=0, flip=False),
        examples=data.examples,
    )
    rest = judge_and_push(
        EvaluatorConfig(min_accuracy=0.9), data.examples, fine_tuner["model"], "fine_tuned", serving_dir
    )
    return Pipeline("fine_tuning", (*data.nodes, fine_tuner, *rest))
