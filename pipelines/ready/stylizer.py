"""From photos and paintings to a stylizer that is pushed, checked and used.

    python -m pipelines.run --pipeline=stylizer --pipeline_root=runs/pipelines --serving_dir=saved_models

Out of the box it teaches the stylizer of the package three more styles, in a few minutes on two cores:
steps enough to see where it goes, not to get there. A real training is in docs/stylizers.md.
"""

from pathlib import Path

from nst_keras.pictures.samples import STYLES
from pipelines.engine.stage import Pipeline
from pipelines.kinds import latest_blessed
from pipelines.stages.bulk_inferrer import BulkInferrer, BulkInferrerConfig
from pipelines.stages.collection_gen import CollectionGen, CollectionGenConfig
from pipelines.stages.exporter import Exporter, ExporterConfig
from pipelines.stages.infra_validator import InfraValidator, InfraValidatorConfig
from pipelines.stages.picture_evaluator import PictureEvaluator, PictureEvaluatorConfig
from pipelines.stages.pusher import Pusher, PusherConfig
from pipelines.stages.statistics_gen import StatisticsGen, StatisticsGenConfig
from pipelines.stages.stylizer_trainer import SHIPPED_STYLIZER, StylizerTrainer, StylizerTrainerConfig

NAME = "stylizer"


def pipeline(serving_dir: Path) -> Pipeline:
    """Returns the pipeline; pictures and settings are those of the configs below.

    Args:
        serving_dir: Where model servers look.
    """
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
        PictureEvaluatorConfig(), examples=examples["examples"], model=model, baseline=latest_blessed(model)
    )
    exporter = Exporter(ExporterConfig(), model=model)
    infra = InfraValidator(
        InfraValidatorConfig(), servable=exporter["servable"], examples=examples["examples"]
    )
    pusher = Pusher(
        PusherConfig(name=NAME, serving_dir=str(serving_dir)),
        servable=exporter["servable"],
        blessing=evaluator["blessing"],
        infra_blessing=infra["blessing"],
    )
    inferrer = BulkInferrer(
        BulkInferrerConfig(splits="photos", style=STYLES[0], longest_side=512, write_files=True),
        examples=examples["examples"],
        model=pusher["pushed"],
    )
    return Pipeline(NAME, (examples, statistics, trainer, evaluator, exporter, infra, pusher, inferrer))
