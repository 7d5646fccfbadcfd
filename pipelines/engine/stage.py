"""A stage: a typed function from artifacts to artifacts, with a frozen config.

    def train(
        config: TrainerConfig, context: Context, *, examples: Input[Examples], model: Output[Model]
    ) -> dict[str, Any]: ...

    Trainer = Stage(train)

The parameters' annotations say what comes in and goes out. The function is usable alone; in a pipeline
`Trainer(config, examples=example_gen["examples"])` makes a node of it. A module of stages loads TensorFlow
inside its functions alone, so that a pipeline with nothing to do never loads it.
"""

import atexit
import inspect
import re
import shutil
import tempfile
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import (
    TYPE_CHECKING,
    Annotated,
    Any,
    Protocol,
    TypeAlias,
    TypeVar,
    get_args,
    get_origin,
    get_type_hints,
)

from pipelines.engine.memo import Piece, no_piece

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

T = TypeVar("T")
R = TypeVar("R")
Folders: TypeAlias = Mapping[str, Path]  # of inputs that there are or of outputs to make, by name
Map: TypeAlias = Callable[[Callable[[Any], Any], Iterable[Any]], Iterator[Any]]


@dataclass(frozen=True)
class Artifact:
    """A folder of files that a stage reads, or that it is to write; its class is its kind.

    A stage writes an output's folder once; then the folder is named by its contents and never changes.
    """

    path: Path


class OutsideFile(Protocol):
    """A file that is neither at a path nor at an address alone, such as one in an archive; `str` names it."""

    def state(self) -> str:
        """While it is the same, the contents are; empty if that can't be told."""

    def size(self) -> int:
        """Bytes of it."""

    def read(self) -> bytes:
        """All of them."""


@dataclass(frozen=True)
class Outside:
    """Files outside the pipeline that are known as one: each has a name, and a path, an address or more."""

    name: str
    files: Callable[[], Iterable[tuple[str, Path | str | OutsideFile]]]
    state: Callable[[], str] | None = None  # of all of them, if it can be had with less


class Facts:
    """What was seen of files outside the pipeline: found again while their state is the same."""

    def __init__(self) -> None:
        self.seen: dict[str, tuple[str, str, Any]] = {}

    def get(self, files: Sequence[tuple[str, str]]) -> list[Any]:
        """What was seen of each of some files in a state, or None."""
        known = (self.seen.get(file, (None, "", None)) for file, _ in files)
        return [seen if at == state else None for (at, _, seen), (_, state) in zip(known, files, strict=True)]

    def keep(self, rows: Iterable[tuple[str, str, str, Any]]) -> None:
        """Keeps file, state, SHA-256 in hex and what was seen, a JSON value."""
        self.seen |= {file: (state, digest, seen) for file, state, digest, seen in rows}


JUDGEMENT_FILE = "judgement.json"  # of an artifact that tells what a person said: approves, who, why

_INPUT, _OUTPUT = "input", "output"
Input = Annotated[T, _INPUT]
Output = Annotated[T, _OUTPUT]


class Stopped(Exception):
    """Raised by a stage that was asked to stop; its scratch folder holds what it has so far."""


def map_here(function: Callable[[T], R], tasks: Iterable[T]) -> Iterator[R]:
    """Runs the tasks in this process, one after the other."""
    return map(function, tasks)


def _temporary_folder() -> Path:
    """A folder that goes when the process ends."""
    path = Path(tempfile.mkdtemp(prefix="nst_keras-"))
    atexit.register(shutil.rmtree, path, ignore_errors=True)
    return path


@dataclass(frozen=True)
class Context:
    """What a stage is given besides artifacts and config.

    `scratch` holds checkpoints and finished parts: a stage that was killed finds it as it was when it runs
    again with the same inputs, config and code. `map` runs a function over tasks, here or on a cluster, and
    yields the results in the tasks' order. Both must be picklable; a task may run twice, so it writes whole
    files and leaves those alone that are there. `piece` gives a task its place in the memo of
    what tasks of earlier runs wrote, by its function and all that it reads: settings, digests of files.
    """

    scratch: Path = field(default_factory=_temporary_folder)
    map: Map = map_here
    say: Callable[[str], None] = lambda text: None  # writes a line of text for the user
    show: Callable[[object], None] = lambda text: None  # the same in one line that the next one replaces
    should_stop: Callable[[], bool] = lambda: False  # if so, `Stopped` is raised
    facts: Facts = field(default_factory=Facts)
    scanned: Any = None  # what the stage's own `scan` gave in this run
    piece: Callable[[Callable[..., Any], Any], Piece] = no_piece  # what it reads as plain values

    def __post_init__(self) -> None:
        self.scratch.mkdir(parents=True, exist_ok=True)


@dataclass(frozen=True)
class Parameter:
    """An input or output of a stage."""

    kind: type[Artifact]
    optional: bool = False


@dataclass(frozen=True)
class Approval:
    """What makes an artifact approved: an execution took it as an input and its record says yes."""

    kind: str  # name of the artifact's kind
    input: str
    field: str  # what must be true in the record


@dataclass(frozen=True)
class Channel:
    """An output of a node, as an input of another; or, by an approval, what is to be compared with it.

    That is the artifact, other than the output itself, that this pipeline approved last, or None. One that is
    `preferred` goes before it. Or what a person said of the output, as an artifact of the kind `judged_as`.
    """

    node: "Node"
    output: str
    approval: Approval | None = None
    preferred: "Preferred | None" = None
    judged_as: type[Artifact] | None = None

    @property
    def direct(self) -> bool:
        """Whether it gives what the node made in this run."""
        return self.approval is None and self.judged_as is None

    @property
    def kind(self) -> type[Artifact]:
        """What it gives."""
        return self.judged_as or self.node.stage.outputs[self.output].kind


Source: TypeAlias = Channel | None
# Given the `Store` and the pipeline, a `StoredArtifact` with the number of the execution that made it, or why
# there is none.
Preferred: TypeAlias = Callable[[Any, "Pipeline"], tuple[Any, int] | str]


@dataclass(frozen=True)
class Node:
    """A stage in a pipeline, with its config and where its inputs come from."""

    stage: "Stage"
    name: str
    config: "DataclassInstance"
    inputs: Mapping[str, Source]

    def __getitem__(self, output: str) -> Channel:
        if output not in self.stage.outputs:
            raise KeyError(f"{self.name} has the outputs {', '.join(self.stage.outputs)}. Received: {output}")
        return Channel(self, output)


class Stage:
    """A function that can be a pipeline's node; its annotations say config, inputs and outputs.

    Attributes:
        name: TFX's noun: the class-like name of the function's node, e.g. "Trainer".
        reads: Given a config, files and folders outside the pipeline that the stage reads. Their contents
            are part of the fingerprint.
        scan: Given config and context, opens what `reads` gives, and tells `context.facts` what it saw of the
            files: their digests are then known, and the stage finds what it gave in `context.scanned`. Called
            only if something has changed.
        hands_out: Whether all that takes long is in tasks, so that a run whose tasks are done elsewhere needs
            none of the libraries that they load.
        current: Given config and outputs of a finished execution, whether they still are what they say, such
            as a pushed model that is still there. If not, the stage runs again.
    """

    def __init__(
        self,
        function: Callable[..., Mapping[str, Any] | None],
        name: str,
        *,
        reads: Callable[[Any], Iterable[Path | Outside]] = lambda config: (),
        scan: Callable[[Any, Context], Any] | None = None,
        hands_out: bool = False,
        current: Callable[[Any, Mapping[str, Artifact]], bool] = lambda config, outputs: True,
    ) -> None:
        self.function, self.name, self.reads, self.current = function, name, reads, current
        self.scan, self.hands_out = scan, hands_out
        self.inputs: dict[str, Parameter] = {}
        self.outputs: dict[str, Parameter] = {}
        hints = get_type_hints(function, include_extras=True)
        self.config: type[DataclassInstance] = hints["config"]
        for parameter in inspect.signature(function).parameters:
            if parameter not in ("config", "context"):
                role, kind = _role(parameter, hints[parameter])
                (self.inputs if role == _INPUT else self.outputs)[parameter] = kind

    @property
    def address(self) -> str:
        """Module and function, `pipelines.stages.trainer:train`."""
        return f"{self.function.__module__}:{self.function.__qualname__}"

    def run(
        self, config: "DataclassInstance", context: Context, inputs: Folders, outputs: Folders
    ) -> dict[str, Any]:
        """Calls the function with folders, the outputs' emptied before; returns what it tells of its work."""
        for folder in outputs.values():
            shutil.rmtree(folder, ignore_errors=True)
            folder.mkdir(parents=True)
        # Whole paths, since tasks may run where another folder is the current one.
        arguments = {
            name: parameter.kind(folders[name].resolve()) if name in folders else None
            for parameters, folders in ((self.inputs, inputs), (self.outputs, outputs))
            for name, parameter in parameters.items()
        }
        return dict(self.function(config, context, **arguments) or {})

    def __call__(self, config: "DataclassInstance", name: str = "", **inputs: Source) -> Node:
        """Makes a node of it, with a name of its own if a pipeline has the stage twice.

        Raises:
            TypeError: If an input is missing, unknown, or of another kind.
        """
        if type(config) is not self.config:
            raise TypeError(f"{self.name} takes a {self.config.__name__}. Received: {type(config).__name__}")
        for unknown in inputs.keys() - self.inputs.keys():
            raise TypeError(f"{self.name} has no input {unknown!r}, but {', '.join(self.inputs) or 'none'}")
        for key, parameter in self.inputs.items():
            source, wanted = inputs.get(key), parameter.kind.__name__
            if source is None and not parameter.optional:
                raise TypeError(f"{self.name} needs the input {key!r} ({wanted})")
            kind = source.kind if source else parameter.kind
            if not issubclass(kind, parameter.kind):
                raise TypeError(f"{self.name}: {key} must be a {wanted}. Received: a {kind.__name__}")
        return Node(self, name or self.name, config, {key: inputs.get(key) for key in self.inputs})


def _role(name: str, hint: Any) -> tuple[str, Parameter]:
    """Takes `Input[Examples]`, `Input[Model] | None` or `Output[Model]` apart."""
    options = [part for part in get_args(hint) if part is not type(None)]
    optional = get_origin(hint) is not Annotated
    annotated = options[0] if optional and len(options) == 1 else hint
    parts = get_args(annotated)
    if get_origin(annotated) is not Annotated or parts[1] not in (_INPUT, _OUTPUT):
        raise TypeError(f"{name} must be an Input[...], an Input[...] | None or an Output[...]")
    return parts[1], Parameter(parts[0], optional)


@dataclass(frozen=True)
class Pipeline:
    """Nodes in an order in which they can run.

    Raises:
        ValueError: If a name is taken twice or unusable, or a node comes before one that it needs.
    """

    name: str
    nodes: tuple[Node, ...]

    def __post_init__(self) -> None:
        seen: set[str] = set()
        for node in self.nodes:
            if node.name in seen or not re.fullmatch(r"[A-Za-z][A-Za-z0-9_]*", node.name):
                raise ValueError(f"a node's name must be a word and its own. Received: {node.name!r}")
            for need in needs(node):
                if need.name not in seen:
                    raise ValueError(f"{node.name} needs {need.name}, which must come before it")
            seen.add(node.name)


def needs(node: Node) -> list[Node]:
    """The nodes whose outputs a node takes."""
    return [source.node for source in node.inputs.values() if source is not None]
