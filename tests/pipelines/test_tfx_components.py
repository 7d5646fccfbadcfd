"""Stages as TFX components; runs only where TFX can be imported."""

import pytest


def test_a_stage_becomes_a_component() -> None:
    pytest.importorskip("tfx", reason="TFX isn't installed; it needs Debian 13 or Ubuntu 24.04")
    from pipelines.stages.example_gen import ExampleGen, ExampleGenConfig
    from pipelines.stages.trainer import Trainer, TrainerConfig
    from pipelines.tfx_components import as_tfx_component

    examples = as_tfx_component(ExampleGen)(ExampleGenConfig(dataset="digits"))
    trainer = as_tfx_component(Trainer)(TrainerConfig(), examples=examples.outputs["examples"])
    assert set(trainer.outputs) == set(Trainer.outputs)
