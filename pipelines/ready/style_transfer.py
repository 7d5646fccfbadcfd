"""The optimiser over a collection: every photo in the style of every painting.

    nst pipeline run --pipeline=style_transfer --pipeline_root=runs/pipelines

Out of the box it paints two photos in three drawn styles, small, with the preset preview.
"""

from pathlib import Path

from nst_keras.pictures.samples import STYLES
from pipelines.engine.stage import Pipeline
from pipelines.stages.collection_gen import CollectionGen, CollectionGenConfig
from pipelines.stages.statistics_gen import StatisticsGen, StatisticsGenConfig
from pipelines.stages.style_transfer import StyleTransfer, StyleTransferConfig


def pipeline(serving_dir: Path) -> Pipeline:
    """The pipeline; nothing is served."""
    paintings = ",".join(f"sample:{name}" for name in STYLES)
    examples = CollectionGen(CollectionGenConfig(paintings=paintings))
    statistics = StatisticsGen(StatisticsGenConfig(), examples=examples["examples"])
    pictures = StyleTransfer(
        StyleTransferConfig.of_preset("preview", size=192), examples=examples["examples"]
    )
    return Pipeline("style_transfer", (examples, statistics, pictures))
