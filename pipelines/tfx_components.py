"""Stages as TFX components, for those who have a TFX pipeline already.

    Trainer = as_tfx_component(trainer.Trainer)
    component = Trainer(config=TrainerConfig(), examples=example_gen.outputs["examples"])

Only a bridge, written after TFX 1.21's interface and never run against it: artifacts are TFX's own folders,
and what is cached is up to TFX, which is none of this package's dependencies.
"""

import dataclasses
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tfx.dsl.components.base import base_component, base_executor, executor_spec
from tfx.types import Artifact, Channel
from tfx.types.component_spec import ChannelParameter, ComponentSpec, ExecutionParameter

from pipelines.engine.stage import Context, Stage
from pipelines.run_stage import load_stage, read_config


class StageExecutor(base_executor.BaseExecutor):
    """Runs the stage that the execution's properties name."""

    def Do(self, input_dict: Any, output_dict: Any, exec_properties: dict[str, Any]) -> None:
        """Calls the stage's function with TFX's folders."""
        stage = load_stage(exec_properties["stage"])
        arguments: dict[str, Any] = dict.fromkeys(stage.inputs)
        for parameters, found in ((stage.inputs, input_dict), (stage.outputs, output_dict)):
            for name, artifacts in found.items():
                if artifacts:
                    arguments[name] = parameters[name].kind(Path(artifacts[0].uri))
        for name in stage.outputs:
            arguments[name].path.mkdir(parents=True, exist_ok=True)
        stage.function(read_config(stage, exec_properties["config"]), Context(), **arguments)


def as_tfx_component(stage: Stage) -> Callable[..., base_component.BaseComponent]:
    """Returns a function that makes a TFX component, given `config` and a channel for each input."""
    types = {
        item.kind: type(item.kind.__name__, (Artifact,), {"TYPE_NAME": f"NstKeras{item.kind.__name__}"})
        for item in (*stage.inputs.values(), *stage.outputs.values())
    }

    class Spec(ComponentSpec):
        PARAMETERS = {name: ExecutionParameter(type=str) for name in ("stage", "config")}  # noqa: RUF012
        INPUTS = {  # noqa: RUF012
            name: ChannelParameter(type=types[item.kind], optional=item.optional)
            for name, item in stage.inputs.items()
        }
        OUTPUTS = {name: ChannelParameter(type=types[item.kind]) for name, item in stage.outputs.items()}  # noqa: RUF012

    component = type(
        stage.name,
        (base_component.BaseComponent,),
        {"SPEC_CLASS": Spec, "EXECUTOR_SPEC": executor_spec.ExecutorClassSpec(StageExecutor)},
    )

    def make(config: Any, **inputs: Channel) -> base_component.BaseComponent:
        outputs = {name: Channel(type=types[item.kind]) for name, item in stage.outputs.items()}
        text = json.dumps(dataclasses.asdict(config), sort_keys=True)
        return component(Spec(stage=stage.address, config=text, **inputs, **outputs))

    return make
