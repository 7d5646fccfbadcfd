"""What a user changes about a pipeline from the command line: configs, and which nodes run."""

import dataclasses
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from nst_keras.errors import InputError, require_choice
from nst_keras.fields import Settings, change_settings, setting
from pipelines.engine.stage import Node, Pipeline, needs


@dataclass(frozen=True)
class RootSettings(Settings):
    """Which pipeline root; there must be one."""

    pipeline_root: str = setting("", "Folder of artifacts and metadata.")

    def __post_init__(self) -> None:
        """Checks every value."""
        super().__post_init__()
        if not self.pipeline_root:
            raise InputError("pipeline_root must be a folder of artifacts and metadata. Received: nothing")


def change_configs(pipeline: Pipeline, changes: Sequence[str]) -> Pipeline:
    """Returns a pipeline with other configs; changes are `NODE.FIELD=VALUE`."""
    values: dict[str, dict[str, str]] = {}
    nodes = {node.name: node for node in pipeline.nodes}
    for change in changes:
        target, equals, text = change.partition("=")
        name, dot, field = target.partition(".")
        if not (equals and dot):
            raise InputError(f"set must be NODE.FIELD=VALUE. Received: {change}")
        require_choice("set's node", name, nodes)
        values.setdefault(name, {})[field] = text
    replaced: dict[str, Node] = {}
    for node in pipeline.nodes:
        try:
            config = change_settings(node.config, values.get(node.name, {}))
        except InputError as error:
            raise InputError(f"set: {node.name}.{error}") from error
        inputs = {
            key: source and dataclasses.replace(source, node=replaced[source.node.name])
            for key, source in node.inputs.items()
        }
        replaced[node.name] = dataclasses.replace(node, config=config, inputs=inputs)
    return Pipeline(pipeline.name, tuple(replaced.values()))


def choose_nodes(pipeline: Pipeline, first: str, last: str, only: Iterable[str]) -> frozenset[str] | None:
    """Names of the nodes that a partial run may execute; None: all of them.

    They are `first` with all that need it and `last` with all that it needs, directly or not, where these
    aren't empty; or `only` these, whatever else is said.
    """
    for flag, chosen_names in (("from", [first]), ("until", [last]), ("only", only)):
        require_nodes(pipeline, flag, filter(None, chosen_names))
    if only:
        return frozenset(only)
    if not (first or last):
        return None
    before = {node.name: {node.name} for node in pipeline.nodes}
    for node in pipeline.nodes:
        for need in needs(node):
            before[node.name] |= before[need.name]
    chosen = {name for name in before if not first or first in before[name]}
    return frozenset(chosen & before[last] if last else chosen)


def require_nodes(pipeline: Pipeline, flag: str, names: Iterable[str]) -> None:
    """Checks that a pipeline has nodes of these names."""
    for name in names:
        require_choice(flag, name, [node.name for node in pipeline.nodes])
