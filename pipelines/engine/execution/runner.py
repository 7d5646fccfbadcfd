"""Runs a pipeline: each node once for its fingerprint, and what is finished is never done again."""

import contextlib
import dataclasses
import json
import shutil
import sqlite3
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from nst_keras.errors import InputError
from nst_keras.storage.cache import locked
from pipelines.engine.artifacts import ExternalData
from pipelines.engine.code.fingerprint import Sources, fingerprint, read_code
from pipelines.engine.stage import Channel, Context, LatestBlessed, Node, Pipeline, Stopped, map_here
from pipelines.engine.store.artifact_files import check, folder_of, place, placing, seal
from pipelines.engine.store.digests import read_tree
from pipelines.engine.store.store import FILE_NAME, Execution, Store, StoredArtifact

WORK = "work"  # folder of unfinished executions in a pipeline root
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
class Console:
    """What a run tells while it goes on; each does nothing by default."""

    say: Callable[[str], None] = lambda text: None
    show: Callable[[str], None] = lambda text: None
    should_stop: Callable[[], bool] = lambda: False
    begins: Callable[[Node, int, int], None] = lambda node, number, count: None
    executes: Callable[[Node], None] = lambda node: None  # only if there is something to do
    ended: Callable[[NodeResult, int, int], None] = lambda result, number, count: None


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
        console: What to tell.
        map: How stages run tasks that don't depend on one another.
        choice: Which nodes to execute.
        sources: Remembers what files of code come to; None: all are read.
        results: Results of the nodes so far, by name.
        run_id: The run's number once it has begun, else 0.
    """

    pipeline: Pipeline
    store: Store
    console: Console = field(default_factory=Console)
    map: Map = map_here
    choice: Choice = field(default_factory=Choice)
    sources: Sources | None = None
    results: dict[str, NodeResult] = field(default_factory=dict)
    run_id: int = 0

    def run(self, command: str, version: str) -> int:
        """Runs every node that has to run.

        Args:
            command: What the user typed, for the record.
            version: Of the code, for the record.

        Returns:
            The run's number.

        Raises:
            InputError: If a stage can't use what it was given; finished stages stay finished.
            Stopped: If the console wanted to stop.
        """
        self.store.bury_runs()
        nodes = [_describe(node) for node in self.pipeline.nodes]
        self.run_id = self.store.begin_run(self.pipeline.name, command, version, nodes)
        state, reason = "failed", ""
        try:
            for number, node in enumerate(self.pipeline.nodes, start=1):
                count = len(self.pipeline.nodes)
                self.console.begins(node, number, count)
                result = self._run_node(node)
                if result is not None:
                    self.results[node.name] = result
                    self.console.ended(result, number, count)
            state = "complete"
        except (Stopped, KeyboardInterrupt):
            state = "stopped"
            raise
        except BaseException as error:
            reason = _reason(error)
            raise
        finally:
            # A full disk must not hide why the run failed; a run without an end counts as killed.
            with contextlib.suppress(sqlite3.Error):
                self.store.end_run(self.run_id, state, reason)
        return self.run_id

    def _run_node(self, node: Node) -> NodeResult | None:
        if self.choice.run is not None and node.name not in self.choice.run:
            return self._earlier(node)
        try:
            reads = self._read_external(node)
            code = read_code(node.stage.function.__module__, self.sources)
        except InputError as error:
            raise InputError(f"{node.name}: {error}") from error
        found = {name: self._resolve(node, name) for name in node.inputs}
        inputs = {name: artifact for name, (artifact, _) in found.items() if artifact is not None}
        sources = {name: maker for name, (_, maker) in found.items() if maker is not None}
        config = json.loads(json.dumps(dataclasses.asdict(node.config), sort_keys=True))
        contents = {name: [artifact.kind, artifact.digest] for name, artifact in inputs.items()}
        number = fingerprint(node.stage.address, code, config, contents, [item.digest for item in reads])
        began = time.monotonic()
        with self._held(node, number):
            usable = None if node.name in self.choice.fresh else self._usable(node, number)
            if usable is not None:
                execution, outputs = usable
                seconds = time.monotonic() - began
                return NodeResult(node.name, True, seconds, execution.id, execution.record, outputs)
            if self.console.should_stop():
                raise Stopped
            external = {f"external{index}": item for index, item in enumerate(reads)}
            number_now = self.store.begin_execution(
                *(self.run_id, self.pipeline.name, node.name, node.stage.address, number, config),
                {"digest": code.digest, "libraries": code.libraries},
                {**inputs, **external},
                sources,
            )
            record, outputs = self._execute(node, number, number_now, inputs)
        return NodeResult(node.name, False, time.monotonic() - began, number_now, record, outputs)

    def _earlier(self, node: Node) -> NodeResult | None:
        """What a node that this run leaves alone made last; None if it never ran."""
        for execution in self.store.last_complete(self.pipeline.name, node.name):
            outputs = self.store.events(execution.id, "output")
            if outputs.keys() < node.stage.outputs.keys():  # made by older code
                continue
            if self._intact(outputs) and self.store.use_execution(self.run_id, node.name, execution.id):
                return NodeResult(
                    node.name, True, 0.0, execution.id, execution.record, outputs, left_alone=True
                )
        return None

    def _resolve(self, node: Node, name: str) -> tuple[StoredArtifact | None, int | None]:
        """An input's artifact and the execution that made it."""
        source = node.inputs[name]
        if isinstance(source, Channel):
            result = self.results.get(source.node.name)
            if result is None:
                raise InputError(
                    f"{node.name} needs {source.node.name}, which this run leaves alone and which has no "
                    "earlier execution; run the whole pipeline first"
                )
            return result.outputs[source.output], result.execution
        if isinstance(source, LatestBlessed):
            result = self.results.get(source.other_than.node.name)
            other = result.outputs[source.other_than.output].id if result else None
            for model, maker in self.store.blessed_models(self.pipeline.name):
                if model.id != other and self._intact({"model": model}):
                    return model, maker
        return None, None

    def _read_external(self, node: Node) -> list[StoredArtifact]:
        found = []
        for path in node.stage.reads(node.config):
            tree = read_tree(Path(path), self.store.digest)
            where = str(Path(path).resolve())
            found.append(
                self.store.add_artifact(ExternalData.__name__, tree.digest, where, tree.num_bytes, {})
            )
        return found

    @contextmanager
    def _held(self, node: Node, number: str) -> Iterator[None]:
        """Of several runs that come to the same execution one does it, and the others wait."""

        def waiting() -> None:
            self.console.show("waiting for another run that does the same")
            if self.console.should_stop():
                raise Stopped

        folder = work_folder(self.store, number)
        with locked(folder, use="pipeline root", remedy="choose a --pipeline_root", waiting=waiting):
            yield

    def _usable(self, node: Node, number: str) -> tuple[Execution, dict[str, StoredArtifact]] | None:
        for execution in self.store.complete_executions(number):
            outputs = self.store.events(execution.id, "output")
            if not self._intact(outputs):
                continue
            folders = {
                name: parameter.kind(folder_of(self.store, outputs[name]).resolve())
                for name, parameter in node.stage.outputs.items()
            }
            current = node.stage.current(node.config, folders)
            if current and self.store.use_execution(self.run_id, node.name, execution.id):
                return execution, outputs
        return None

    def _intact(self, artifacts: Mapping[str, StoredArtifact]) -> bool:
        thoroughly, say = self.choice.thoroughly, self.console.say
        found = [check(self.store, each, thoroughly=thoroughly, say=say) for each in artifacts.values()]
        return all(found)  # after all were checked, so that everything that is wrong is told

    def _execute(
        self, node: Node, number: str, execution: int, inputs: Mapping[str, StoredArtifact]
    ) -> tuple[Mapping[str, Any], dict[str, StoredArtifact]]:
        stage, work = node.stage, work_folder(self.store, number)
        try:
            # Whole paths, since tasks may run where another folder is the current one.
            arguments: dict[str, Any] = {
                name: kind.kind(folder_of(self.store, inputs[name]).resolve()) if name in inputs else None
                for name, kind in stage.inputs.items()
            }
            made = {name: work / "outputs" / name for name in stage.outputs}
            shutil.rmtree(work / "outputs", ignore_errors=True)
            for folder in (*made.values(), work / "scratch"):
                folder.mkdir(parents=True, exist_ok=True)
            context = Context(
                (work / "scratch").resolve(),
                self.map,
                self.console.say,
                self.console.show,
                self.console.should_stop,
            )
            outputs = {
                name: parameter.kind(made[name].resolve()) for name, parameter in stage.outputs.items()
            }
            record = dict(stage.function(node.config, context, **arguments, **outputs) or {})
            kinds = {name: parameter.kind.__name__ for name, parameter in stage.outputs.items()}
            trees = {name: seal(folder) for name, folder in made.items()}
            with placing(self.store):
                published = {
                    name: place(self.store, kinds[name], made[name], tree) for name, tree in trees.items()
                }
                self.store.complete_execution(execution, published, record)
        except BaseException as error:
            failed = self._failed(node, execution, error)
            if failed is error:
                raise
            raise failed from error
        shutil.rmtree(work, ignore_errors=True)
        return record, published

    def _failed(self, node: Node, execution: int, error: BaseException) -> BaseException:
        """Writes that an execution ended early; returns what to raise."""
        stopped = isinstance(error, (Stopped, KeyboardInterrupt))
        with contextlib.suppress(sqlite3.Error):  # a full disk must not hide what happened
            self.store.end_execution(
                *(execution, "stopped") if stopped else (execution, "failed", _reason(error))
            )
        if stopped:
            return error
        if isinstance(error, InputError):
            return InputError(f"{node.name}: {error}")
        if isinstance(error, OSError):
            where, what = error.filename, error.strerror or str(error)
        elif isinstance(error, sqlite3.Error):
            where, what = self.store.root / FILE_NAME, str(error)
        else:
            return error
        return InputError(
            f"{node.name}: {f'{where}: ' if where else ''}{what}; finished stages are kept, and the same "
            "command goes on from here"
        )


def work_folder(store: Store, fingerprint: str) -> Path:
    """Where an execution has its scratch folder, and its outputs until they are whole."""
    return store.root / WORK / fingerprint[:32]


def _reason(error: BaseException) -> str:
    return str(error) if isinstance(error, InputError) else f"{type(error).__name__}: {error}"


def _describe(node: Node) -> dict[str, Any]:
    sources = {
        name: (source.other_than if isinstance(source, LatestBlessed) else source).node.name
        for name, source in node.inputs.items()
        if source is not None
    }
    return {"name": node.name, "stage": node.stage.name, "inputs": sources}
