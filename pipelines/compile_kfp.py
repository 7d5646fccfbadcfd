"""Writes a pipeline as YAML for Kubeflow Pipelines; needs the extra `kfp`.

  nst pipeline compile-kfp --pipeline=classifier --image=REGISTRY/IMAGE --output=classifier.yaml

Each stage becomes a container that runs `python -m pipelines.run_stage`, each config a parameter of the
pipeline, in JSON. The image needs this package. What a stage compares with the model that was blessed last
stays empty, because Kubeflow knows no such model; whether a model is blessed is looked at by the Pusher, as
everywhere.
"""

import dataclasses
import inspect
import json
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Optional

from absl import flags

from nst_keras.cli import common, field_flags
from nst_keras.errors import InputError
from nst_keras.fields import Settings, setting
from nst_keras.storage.files import write_whole
from pipelines.engine.choices import change_configs
from pipelines.engine.stage import Node, Pipeline
from pipelines.run import READY, load_pipeline


@dataclass(frozen=True)
class CompileSettings(Settings):
    """What is written, and where to."""

    pipeline: str = setting("", "As of nst pipeline run.", READY)
    image: str = setting("", "Container image with this package.")
    output: str = setting("", "File to write, .yaml.")
    serving_dir: str = setting("/saved_models", "Where models are pushed to, in the container.")

    def __post_init__(self) -> None:
        """Checks every value."""
        super().__post_init__()
        for name in ("pipeline", "image", "output"):
            if not getattr(self, name):
                raise InputError(f"{name} must be given")
        if not self.output.endswith(".yaml"):
            raise InputError(f"output must end in .yaml. Received: output={self.output}")


FLAGS = field_flags.flags_of(CompileSettings)
SET = flags.DEFINE_multi_string("set", [], "STAGE.FIELD=VALUE, as of nst pipeline run.", flag_values=FLAGS)


@common.command(__doc__, FLAGS)
def main() -> None:
    """Entry point of `nst pipeline compile-kfp`."""
    settings = field_flags.parsed(CompileSettings, FLAGS)
    with field_flags.naming_flags():
        pipeline = change_configs(load_pipeline(settings.pipeline, Path(settings.serving_dir)), SET.value)
    compile_pipeline(pipeline, settings.image, Path(settings.output))
    print(settings.output)


def compile_pipeline(pipeline: Pipeline, image: str, path: Path) -> None:
    """Writes a pipeline whose stages all run in one container image as Kubeflow Pipelines' YAML."""
    try:
        from kfp import compiler, dsl
    except ImportError as error:
        raise InputError(
            f"kfp is missing ({error}); pip install 'nst_keras[kfp]', in an environment of its own"
        ) from error
    components = {node.name: _component(node, image) for node in pipeline.nodes}

    def build(*configs: Any) -> None:
        tasks: dict[str, Any] = {}
        for node, config in zip(pipeline.nodes, configs, strict=True):
            inputs = {
                name: tasks[source.node.name].outputs[source.output]
                for name, source in node.inputs.items()
                if source and source.direct
            }
            task = components[node.name](config=config, **inputs)
            # Kubeflow's cache goes by the image's name, whatever the image holds today.
            tasks[node.name] = task.set_display_name(node.name).set_caching_options(False)

    parameters = [
        (f"{_snake(node.name)}_config", str, json.dumps(dataclasses.asdict(node.config), sort_keys=True))
        for node in pipeline.nodes
    ]
    _declare(build, _snake(pipeline.name), parameters)
    compiled = dsl.pipeline(name=_snake(pipeline.name).replace("_", "-"))(build)
    temporary = path.with_name(f".{path.stem}.unfinished.yaml")
    try:
        compiler.Compiler().compile(compiled, str(temporary))
        write_whole(path, temporary.read_bytes())
    finally:
        temporary.unlink(missing_ok=True)


def _component(node: Node, image: str) -> Any:
    """A container whose arguments are places that Kubeflow fills in."""
    from kfp import dsl

    stage = node.stage

    def container(*placeholders: Any) -> Any:
        places = {name: place for (name, _, _), place in zip(parameters, placeholders, strict=True)}
        arguments: list[Any] = ["--stage", stage.address]
        arguments += ["--config", places["config"], "--record", places["record"]]
        for name, parameter in stage.inputs.items():
            flag = ["--input", dsl.ConcatPlaceholder([f"{name}=", places[name].path])]
            optional = dsl.IfPresentPlaceholder(input_name=name, then=flag)
            arguments += [optional] if parameter.optional else flag
        for name in stage.outputs:
            arguments += ["--output", dsl.ConcatPlaceholder([f"{name}=", places[name].path])]
        return dsl.ContainerSpec(image, ["python", "-m", "pipelines.run_stage"], arguments)

    empty = inspect.Parameter.empty
    parameters: list[tuple[str, Any, Any]] = [("config", str, empty)]
    parameters += [
        (name, dsl.Input[dsl.Artifact], empty) for name, item in stage.inputs.items() if not item.optional
    ]
    parameters += [(name, dsl.Output[dsl.Artifact], empty) for name in stage.outputs]
    parameters += [("record", dsl.OutputPath(dict), empty)]
    optional = [name for name, item in stage.inputs.items() if item.optional]
    parameters += [(name, Optional[dsl.Input[dsl.Artifact]], None) for name in optional]  # noqa: UP045
    _declare(container, _snake(node.name), parameters)
    return dsl.container_component(container)


def _declare(function: Callable[..., Any], name: str, parameters: Sequence[tuple[str, Any, Any]]) -> None:
    """Gives a function the name and parameters that kfp reads from functions."""
    function.__name__ = name
    kind = inspect.Parameter.POSITIONAL_OR_KEYWORD
    own = [inspect.Parameter(key, kind, default=value, annotation=hint) for key, hint, value in parameters]
    function.__signature__ = inspect.Signature(own)  # type: ignore[attr-defined]
    function.__annotations__ = {key: hint for key, hint, _ in parameters}


def _snake(name: str) -> str:
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name).lower()


if __name__ == "__main__":
    main()
