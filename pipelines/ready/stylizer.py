"""From photos and paintings to a stylizer that is pushed, checked and used.

    nst pipeline run --pipeline=stylizer --pipeline_root=runs/pipelines --serving_dir=saved_models

Out of the box it teaches the stylizer of the package three more styles, in a few minutes on two cores:
steps enough to see where it goes, not to get there. A real training is in docs/stylizers.md.
"""

from pathlib import Path

from nst_keras.pictures.samples import STYLES
from pipelines.engine.stage import Pipeline
from pipelines.judging.lookup import served_model
from pipelines.ready.shared import serve
from pipelines.stages.bulk_inferrer import BulkInferrer, BulkInferrerConfig
from pipelines.stages.collection_gen import CollectionGen, CollectionGenConfig
from pipelines.stages.picture_evaluator import PictureEvaluator, PictureEvaluatorConfig
from pipelines.stages.statistics_gen import StatisticsGen, StatisticsGenConfig
from pipelines.stages.stylizer_trainer import SHIPPED_STYLIZER, StylizerTrainer, StylizerTrainerConfig


def pipeline(serving_dir: Path) -> Pipeline:
    """The pipeline, which pushes to `serving_dir/stylizer`."""
    paintings = ",".join(f"sample:{name}" for name in STYLES)
    examples = CollectionGen(CollectionGenConfig(paintings=paintings))
    statistics = StatisticsGen(StatisticsGenConfig(), examples=examples["examples"])
    trainer = StylizerTrainer(
        StylizerTrainerConfig(
            init=SHIPPED_STYLIZER,
            num_steps=200,
            batch_size=2,
            crop_size=96,
            style_size=256,
            content_weight=16.0,
            learning_rate=0.01,
            ema=0.9,
        ),
        examples=examples["examples"],
    )
    model = trainer["model"]
    evaluator = PictureEvaluator(
        PictureEvaluatorConfig(), examples=examples["examples"], model=model, baseline=served_model(model)
    )
    served = serve(model, evaluator["blessing"], examples["examples"], "stylizer", serving_dir)
    inferrer = BulkInferrer(
        BulkInferrerConfig(splits="photos", style=STYLES[0], longest_side=512, write_files=True),
        examples=examples["examples"],
        model=served[-1]["pushed"],
    )
    return Pipeline("stylizer", (examples, statistics, trainer, evaluator, *served, inferrer))
