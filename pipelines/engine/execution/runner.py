"""Runs a pipeline: each node once for its fingerprint, and what is finished is never done again."""

import contextlib
import dataclasses
import json
import sqlite3
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from nst_keras.errors import InputError
from pipelines.engine.code.fingerprint import fingerprint, read_code
from pipelines.engine.code.sources import SourceCache
from pipelines.engine.execution.console import RunConsole
from pipelines.engine.execution.work import execute, held, reason_of
from pipelines.engine.stage import Channel, Context, LatestApproved, Node, Pipeline, Stopped, map_here
from pipelines.engine.store.artifact_files import check, folder_of
from pipelines.engine.store.digests import read_tree
from pipelines.engine.store.history import approved, complete_executions, last_complete
from pipelines.engine.store.rows import EXTERNAL, Execution, StoredArtifact, Work
from pipelines.engine.store.store import Store

Map = Callable[[Callable[[Any], Any], Iterable[Any]], Iterator[Any]]


@dataclass(frozen=True)
class NodeResult:
    """How a node's turn ended.

    Attributes:
        name: The node.
        cached: Whether an earlier execution's outputs were taken.
        left_alone: Whether the run wasn't to execute it, so that they may be from other inputs or settings.
        seconds: How long it took now.
        execution: Number of the execution.
        record: What the stage tells of it.
        outputs: What it made.
    """

    name: str
    cached: bool
    seconds: float
    execution: int
    record: Mapping[str, Any]
    outputs: Mapping[str, StoredArtifact]
    left_alone: bool = False


@dataclass(frozen=True)
class Choice:
    """Which nodes a run may execute; outputs of the others come from earlier executions.

    Attributes:
        run: Names of the nodes that may be executed; None: all.
        fresh: Names of the nodes that are executed though nothing has changed.
        thoroughly: Read every file of an artifact before it is used again.
    """

    run: frozenset[str] | None = None
    fresh: frozenset[str] = frozenset()
    thoroughly: bool = False


@dataclass
class Runner:
    """A run of a pipeline.

    Attributes:
        pipeline: What to run.
        store: Where to keep it.
        console: Who is told, and may stop it; nobody by default.
        map: How stages run tasks that don't depend on one another.
        choice: Which nodes to execute.
        sources: Remembers files of code; None: all are read anew.
        before_executing: Called before a stage is executed, if any is.
        results: Results of the nodes so far, by name.
        run_id: The run's number once it has begun, else 0.
    """

    pipeline: Pipeline
    store: Store
    console: RunConsole = field(default_factory=lambda: RunConsole(shows=False))
    map: Map = map_here
    choice: Choice = field(default_factory=Choice)
    sources: SourceCache | None = None
    before_executing: Callable[[], None] = lambda: None
    results: dict[str, NodeResult] = field(default_factory=dict)
    run_id: int = 0

    def run(self, command: str, version: str) -> int:
        """Runs every node that has to run.

        Args:
            command: What the user typed, for the record.
            version: Of the code, for the record.

        Returns:
            The run's number.
        """
        self.store.bury_runs()
        nodes = [_describe(node) for node in self.pipeline.nodes]
        self.run_id = self.store.begin_run(self.pipeline.name, command, version, nodes)
        state, reason = "failed", ""
        try:
            for number, node in enumerate(self.pipeline.nodes, start=1):
                self.console.begin(f"[{number}/{len(self.pipeline.nodes)}] {node.name}")
                result = self._run_node(node)
                if result is not None:
                    self.results[node.name] = result
                    self.console.end(_how(result), result.record)
            state = "complete"
        except (Stopped, KeyboardInterrupt):
            state = "stopped"
            raise
        except BaseException as error:
            reason = reason_of(error)
            raise
        finally:
            # A full disk must not hide why the run failed; a run without an end counts as killed.
            with contextlib.suppress(sqlite3.Error):
                self.store.end_run(self.run_id, state, reason)
        return self.run_id

    def _run_node(self, node: Node) -> NodeResult | None:
        if self.choice.run is not None and node.name not in self.choice.run:
            return self._earlier(node)
        work, began = self._plan(node), time.monotonic()
        with held(self.store, work.fingerprint, self._waiting):
            result = None if node.name in self.choice.fresh else self._finished(node, work.fingerprint)
            if result is not None:
                return dataclasses.replace(result, seconds=time.monotonic() - began)
            if self.console.should_stop():
                raise Stopped
            self.before_executing()
            number = self.store.begin_execution(self.run_id, work)
            record, outputs = execute(self.store, node, work, number, self._context)
        return NodeResult(node.name, False, time.monotonic() - began, number, record, outputs)

    def _plan(self, node: Node) -> Work:
        """What an execution of a node would take, and its fingerprint."""
        try:
            external = self._read_external(node)
            module = node.stage.function.__module__
            code = read_code(module, self.sources.source) if self.sources else read_code(module)
        except InputError as error:
            raise InputError(f"{node.name}: {error}") from error
        inputs: dict[str, StoredArtifact] = {}
        sources: dict[str, int] = {}
        for name in node.inputs:
            artifact, maker = self._resolve(node, name)
            if artifact is not None:
                inputs[name] = artifact
            if maker is not None:
                sources[name] = maker
        config = json.loads(json.dumps(dataclasses.asdict(node.config), sort_keys=True))
        contents = {name: [artifact.kind, artifact.digest] for name, artifact in inputs.items()}
        digests = [artifact.digest for artifact in external]
        number = fingerprint(node.stage.address, code, config, contents, digests)
        inputs |= {f"external{index}": artifact for index, artifact in enumerate(external)}
        about = {"digest": code.digest, "libraries": code.libraries}
        return Work(node.name, node.stage.address, number, config, about, inputs, sources)

    def _earlier(self, node: Node) -> NodeResult | None:
        """What a node that this run leaves alone made last; None if it never ran."""
        for execution in last_complete(self.store, self.pipeline.name, node.name):
            result = self._taken_over(node, execution)
            if result is not None:
                return dataclasses.replace(result, left_alone=True)
        return None

    def _finished(self, node: Node, number: str) -> NodeResult | None:
        """What an earlier execution with a fingerprint made, if it still holds."""

        def is_current(outputs: Mapping[str, StoredArtifact]) -> bool:
            folders = {
                name: parameter.kind(folder_of(self.store, outputs[name]).resolve())
                for name, parameter in node.stage.outputs.items()
            }
            return node.stage.current(node.config, folders)

        for execution in complete_executions(self.store, number):
            result = self._taken_over(node, execution, is_current)
            if result is not None:
                return result
        return None

    def _taken_over(
        self,
        node: Node,
        execution: Execution,
        is_current: Callable[[Mapping[str, StoredArtifact]], bool] = lambda outputs: True,
    ) -> NodeResult | None:
        """An earlier execution as this run's; None if an output isn't there, as it was made."""
        outputs = self.store.events(execution.id, "output")
        if outputs.keys() < node.stage.outputs.keys():  # made by older code
            return None
        if not (self._intact(outputs) and is_current(outputs)):
            return None
        if not self.store.use_execution(self.run_id, node.name, execution.id):
            return None
        return NodeResult(node.name, True, 0.0, execution.id, execution.record, outputs)

    def _resolve(self, node: Node, name: str) -> tuple[StoredArtifact | None, int | None]:
        """An input's artifact and the execution that made it."""
        source = node.inputs[name]
        result = self.results.get(source.node.name) if source else None
        if isinstance(source, Channel):
            if result is None:
                raise InputError(
                    f"{node.name} needs {source.node.name}, which this run leaves alone and which has no "
                    "earlier execution; run the whole pipeline first"
                )
            return result.outputs[source.output], result.execution
        if isinstance(source, LatestApproved):
            other = result.outputs[source.output].id if result else None
            for artifact, maker in approved(self.store, self.pipeline.name, source.approval):
                if artifact.id != other and self._intact({name: artifact}):
                    return artifact, maker
        return None, None

    def _read_external(self, node: Node) -> list[StoredArtifact]:
        artifacts = []
        for path in node.stage.reads(node.config):
            tree = read_tree(Path(path), self.store.digest)
            where = str(Path(path).resolve())
            artifacts.append(self.store.add_artifact(EXTERNAL, tree.digest, where, tree.num_bytes, {}))
        return artifacts

    def _waiting(self) -> None:
        self.console.show("waiting for another run that does the same")
        if self.console.should_stop():
            raise Stopped

    def _intact(self, artifacts: Mapping[str, StoredArtifact]) -> bool:
        thoroughly, say = self.choice.thoroughly, self.console.say
        checks = [check(self.store, item, thoroughly=thoroughly, say=say) for item in artifacts.values()]
        return all(checks)  # after all were checked, so that everything that is wrong is told

    def _context(self, scratch: Path) -> Context:
        console = self.console
        return Context(scratch, self.map, console.say, console.show, console.should_stop)


def _how(result: NodeResult) -> str:
    if result.left_alone:
        return "left alone"
    return "cached" if result.cached else f"{result.seconds:.1f} s"


def _describe(node: Node) -> dict[str, Any]:
    sources = {name: source.node.name for name, source in node.inputs.items() if source is not None}
    return {"name": node.name, "stage": node.stage.name, "inputs": sources}
