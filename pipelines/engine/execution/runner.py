"""Runs a pipeline: each node once for its fingerprint, and what is finished is never done again."""

import contextlib
import dataclasses
import functools
import hashlib
import json
import shutil
import sqlite3
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from nst_keras.errors import InputError
from nst_keras.fields import deciding_fields
from nst_keras.storage.files import write_whole
from pipelines.engine.code.environment import read_environment
from pipelines.engine.code.fingerprint import Code, fingerprint, read_code
from pipelines.engine.code.sources import SourceCache
from pipelines.engine.execution.console import RunConsole
from pipelines.engine.execution.pieces import MEMO, Pieces
from pipelines.engine.execution.work import WORK, execute, reason_of, work_folder
from pipelines.engine.stage import JUDGEMENT_FILE, Map, Node, Outside, Pipeline, Stopped, map_here
from pipelines.engine.store.artifact_files import check, folder_of, place, placing, seal
from pipelines.engine.store.database import root_lock
from pipelines.engine.store.digests import read_state, summarize_tree
from pipelines.engine.store.history import approved, complete_executions, last_complete
from pipelines.engine.store.rows import EXTERNAL, Execution, Judgement, Run, StoredArtifact, Work
from pipelines.engine.store.store import Store, StoredFacts


@dataclass(frozen=True)
class NodeResult:
    """How a node's turn ended."""

    name: str
    cached: bool  # whether an earlier execution's outputs were taken
    seconds: float
    execution: int  # its number
    record: Mapping[str, Any]
    outputs: Mapping[str, StoredArtifact]
    pieces: tuple[int, int] = (0, 0)  # tasks that the memo had places for, and how many of them it knew
    left_alone: bool = False  # not to be executed, so that outputs may be from other inputs or settings


@dataclass(frozen=True)
class Choice:
    """Which nodes a run may execute; outputs of the others come from earlier executions."""

    run: frozenset[str] | None = None  # names of the nodes that may be executed; None: all
    fresh: frozenset[str] = frozenset()  # those that are executed though nothing has changed
    thoroughly: bool = False  # whether every file is read, of artifacts, data from outside and code


@dataclass
class Runner:
    """A run of a pipeline."""

    pipeline: Pipeline
    store: Store
    console: RunConsole = field(default_factory=lambda: RunConsole(shows=False))  # may stop it
    map: Map = map_here
    choice: Choice = field(default_factory=Choice)
    sources: SourceCache | None = None  # remembers files of code; None: all are read anew
    before_executing: Callable[[Node], None] = lambda node: None  # called if it has to be executed
    results: dict[str, NodeResult] = field(default_factory=dict)
    run_id: int = 0  # once it has begun

    def run(self, command: str, version: str) -> int:
        """Runs every node that has to run, records command and version, and returns the run's number."""
        self.store.bury_runs()
        nodes = []
        for node in self.pipeline.nodes:
            inputs = {name: source.node.name for name, source in node.inputs.items() if source}
            nodes.append({"name": node.name, "stage": node.stage.name, "inputs": inputs})
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
                self.store.end(Run, self.run_id, state, reason)
        return self.run_id

    def _run_node(self, node: Node) -> NodeResult | None:
        if self.choice.run is not None and node.name not in self.choice.run:
            return self._earlier(node)
        began = time.monotonic()
        with self._scanning(node) as more:
            return self._run_planned(node, began, more)

    def _run_planned(self, node: Node, began: float, more: dict[str, Any]) -> NodeResult | None:
        work = self._plan(node, more)
        # Of several runs that want the same execution one does it, and the others wait.
        with root_lock(work_folder(self.store, work.fingerprint), waiting=self._waiting):
            result = None if node.name in self.choice.fresh else self._finished(node, work.fingerprint)
            if result is not None:
                return dataclasses.replace(result, seconds=time.monotonic() - began)
            if self.console.should_stop():
                raise Stopped
            self.before_executing(node)
            number = self.store.begin_execution(self.run_id, work)
            memo, anew = (self.store.root / MEMO).resolve(), node.name in self.choice.fresh
            pieces = Pieces(memo, self._read_code, work.code["environment"], anew)
            context = functools.partial(self.console.context, self.map, piece=pieces.piece, **more)
            record, outputs = execute(self.store, node, work, number, context)
        passed, parts = time.monotonic() - began, (pieces.count, pieces.known)
        return NodeResult(node.name, False, passed, number, record, outputs, parts)

    def _read_code(self, module: str) -> Code:
        return read_code(module, self.sources.source) if self.sources else read_code(module)

    @contextlib.contextmanager
    def _scanning(self, node: Node) -> Iterator[dict[str, Any]]:
        """What a node's context has more of if it scans; what its scan leaves on the disk goes at the end."""
        if node.stage.scan is None:
            yield {}
            return
        folder = self._scan_folder(node)
        with root_lock(folder, waiting=self._waiting):
            shutil.rmtree(folder, ignore_errors=True)
            try:
                yield {"facts": StoredFacts(self.store, anew=self.choice.thoroughly)}
            finally:
                shutil.rmtree(folder, ignore_errors=True)

    def _scan_folder(self, node: Node) -> Path:
        name = hashlib.sha256(f"{self.pipeline.name} {node.name}".encode()).hexdigest()
        return self.store.root / WORK / f"scan-{name[:16]}"

    def _plan(self, node: Node, more: dict[str, Any]) -> Work:
        """What an execution of a node would take, and its fingerprint."""
        try:
            external = self._read_externals(node, more)
            code = self._read_code(node.stage.function.__module__)
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
        environment = read_environment()
        deciding = {name: value for name, value in config.items() if name in deciding_fields(node.config)}
        number = fingerprint(node.stage.address, code, deciding, contents, digests, environment)
        inputs |= {f"external{index}": artifact for index, artifact in enumerate(external)}
        about = {"digest": code.digest, "libraries": code.libraries, "environment": environment}
        return Work(node.name, node.stage.address, number, config, about, inputs, sources)

    def _earlier(self, node: Node) -> NodeResult | None:
        """What a node that this run leaves alone made last; None if it never ran."""
        result = self._taken_over(node, last_complete(self.store, self.pipeline.name, node.name))
        return result and dataclasses.replace(result, left_alone=True)

    def _finished(self, node: Node, number: str) -> NodeResult | None:
        """What an earlier execution with a fingerprint made, if it still holds."""

        def is_current(outputs: Mapping[str, StoredArtifact]) -> bool:
            folders = {
                name: parameter.kind(folder_of(self.store, outputs[name]).resolve())
                for name, parameter in node.stage.outputs.items()
            }
            return node.stage.current(node.config, folders)

        return self._taken_over(node, complete_executions(self.store, number), is_current)

    def _taken_over(
        self,
        node: Node,
        executions: Iterable[Execution],
        is_current: Callable[[Mapping[str, StoredArtifact]], bool] = lambda outputs: True,
    ) -> NodeResult | None:
        """The first of earlier executions whose outputs still are there, as they were made, as this run's."""
        for execution in executions:
            outputs = self.store.events(execution.id, "output")
            if (
                not outputs.keys() < node.stage.outputs.keys()  # as by older code
                and self._intact(outputs)
                and is_current(outputs)
                and self.store.use_execution(self.run_id, node.name, execution.id)
            ):
                return NodeResult(node.name, True, 0.0, execution.id, execution.record, outputs)
        return None

    def _resolve(self, node: Node, name: str) -> tuple[StoredArtifact | None, int | None]:
        """An input's artifact and the execution that made it."""
        source = node.inputs[name]
        if source is None:
            return None, None
        result = self.results.get(source.node.name)
        if source.approval:
            other = result.outputs[source.output].id if result else None
            preferred = source.preferred(self.store, self.pipeline) if source.preferred else ""
            if isinstance(preferred, str):
                if preferred:
                    self.console.say(preferred)
            elif preferred[0].id != other and self._intact({name: preferred[0]}):
                return preferred
            for artifact, maker in approved(self.store, self.pipeline.name, source.approval):
                if artifact.id != other and self._intact({name: artifact}):
                    return artifact, maker
            return None, None
        if result is None:
            raise InputError(
                f"{node.name} needs {source.node.name}, which this run leaves alone and which has no "
                "earlier execution; run the whole pipeline first"
            )
        output = result.outputs[source.output]
        if source.judged_as:
            judgements = self.store.judgements(output.id)
            return (self._written(judgements[0], source.judged_as.__name__) if judgements else None), None
        return output, result.execution

    def _written(self, judgement: Judgement, kind: str) -> StoredArtifact:
        """A judgement as an artifact, so that fingerprints and lineage see it."""
        folder = self.store.root / WORK / f"judgement-{self.run_id}"
        folder.mkdir(parents=True, exist_ok=True)
        about = {"approves": bool(judgement.approves), "who": judgement.who, "why": judgement.why}
        text = json.dumps({**about, "made": judgement.made}, ensure_ascii=False)
        write_whole(folder / JUDGEMENT_FILE, text.encode())
        tree = seal(folder)
        with placing(self.store):
            return place(self.store, kind, folder, tree)

    def _read_externals(self, node: Node, more: dict[str, Any]) -> list[StoredArtifact]:
        """Data from outside; its files are read only if any of them, or where it is, has changed."""
        outside = list(node.stage.reads(node.config))
        names = [path.name if isinstance(path, Outside) else str(path.resolve()) for path in outside]
        states = ["" if self.choice.thoroughly else read_state(path) for path in outside]
        known = [self.store.known_tree(*pair) for pair in zip(names, states, strict=True)]
        if node.stage.scan and outside and None in known:
            context = self.console.context(self.map, self._scan_folder(node).resolve(), **more)
            more["scanned"] = node.stage.scan(node.config, context)
        digest = (
            more["facts"].digest
            if more
            else functools.partial(self.store.digest, anew=self.choice.thoroughly)
        )
        external = []
        for path, name, state, tree in zip(outside, names, states, known, strict=True):
            if tree is None:
                tree = summarize_tree(path, digest)
                self.store.keep_tree(name, state, *tree)
            external.append(self.store.add_artifact(EXTERNAL, tree[0], name, tree[1], {}))
        return external

    def _waiting(self) -> None:
        self.console.show("waiting for another run that does the same")
        if self.console.should_stop():
            raise Stopped

    def _intact(self, artifacts: Mapping[str, StoredArtifact]) -> bool:
        thoroughly, say = self.choice.thoroughly, self.console.say
        checks = [check(self.store, item, thoroughly=thoroughly, say=say) for item in artifacts.values()]
        return all(checks)  # after all were checked, so that everything that is wrong is told


def _how(result: NodeResult) -> str:
    if result.left_alone:
        return "left alone"
    count, known = result.pieces
    as_before = f", {known} of {count} parts as before" if known else ""
    return "cached" if result.cached else f"{result.seconds:.1f} s{as_before}"
