"""Fingerprints: what an execution's outputs follow from, in one number.

Inputs by contents, config, what computes (`environment`), and all code: a stage's module and every module of
the same kind that it imports, at the top or inside a function, over any number of steps. Comments and
docstrings don't count. Libraries count by their versions. Code is read, never imported, so that nothing heavy
is loaded to find out that there is nothing to do.
"""

import ast
import functools
import hashlib
import importlib.metadata
import importlib.util
import json
import sys
import sysconfig
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias

from nst_keras.errors import InputError

_OWN = ("nst_keras", "pipelines")
_INSTALLED = tuple(Path(sysconfig.get_path(name)) for name in ("stdlib", "platstdlib", "purelib", "platlib"))
_SITE = {"site-packages", "dist-packages"}
# Where the name of the module isn't that of the distribution.
_DISTRIBUTIONS = {
    "PIL": "pillow",
    "absl": "absl-py",
    "google": "protobuf",
    "grpc": "grpcio",
    "sklearn": "scikit-learn",
    "tensorflow_serving": "tensorflow-serving-api",
}


@dataclass(frozen=True)
class Code:
    """The code of a stage."""

    digest: str  # over all modules, in hex
    modules: tuple[str, ...]
    libraries: dict[str, str]  # versions of the distributions that they import


@dataclass(frozen=True)
class Source:
    """A file of code, as far as fingerprints go."""

    digest: str  # of the code without comments and docstrings, in hex
    names: tuple[str, ...]  # of what it imports, in full; the last part may be something inside a module


# Gives the source of a file that a function would read.
ReadSource: TypeAlias = Callable[[Path, Callable[[], Source]], Source]


def fingerprint(
    stage: str, code: Code, config: Any, inputs: Any, reads: Any, environment: Mapping[str, str]
) -> str:
    """One number for everything that an execution's outputs follow from; arguments must be JSON-able."""
    python = ".".join(map(str, sys.version_info[:2]))
    parts = [stage, code.digest, code.libraries, python, config, inputs, reads, environment]
    return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()


def read_code(module: str, source: ReadSource = lambda path, read: read()) -> Code:
    """Reads the code that a module needs, and the versions of the libraries; `source` may remember files."""
    seen: dict[str, Source] = {}
    libraries: set[str] = set()
    waiting = [module]
    while waiting:
        name = waiting.pop()
        if name in seen:
            continue
        path = _find(name)
        if path is not None:
            seen[name] = source(path, functools.partial(_read_source, path, name))
            imported = [part for other in seen[name].names for part in _with_parents(other)]
            waiting += [*_with_parents(name)[:-1], *imported]
        elif _find(name.partition(".")[0]) is None:
            libraries.add(name.partition(".")[0])
    digests = [(name, seen[name].digest) for name in sorted(seen)]
    digest = hashlib.sha256(json.dumps(digests).encode()).hexdigest()
    versions = {_DISTRIBUTIONS.get(name, name): _version(name) for name in sorted(libraries)}
    return Code(digest, tuple(sorted(seen)), {name: version for name, version in versions.items() if version})


def _read_source(path: Path, name: str) -> Source:
    package = name if path.name == "__init__.py" else name.rpartition(".")[0]
    return _parse(path.read_bytes(), str(path), package)


@functools.lru_cache(maxsize=1024)
def _parse(code: bytes, path: str, package: str) -> Source:
    """What a file's bytes amount to; most files are read for several stages."""
    try:
        tree = ast.parse(code, path)
    except SyntaxError as error:
        raise InputError(f"{path}, line {error.lineno}: {error.msg}") from error
    names = tuple(sorted(set(_imports(tree, package))))
    return Source(hashlib.sha256(ast.dump(_Bare().visit(tree)).encode()).hexdigest(), names)


def _find(name: str) -> Path | None:
    """A first-party module's file; None for libraries, for what isn't a module, and for folders without code.

    Only the file system is looked at: to ask the import system for a module's parts would import it.
    """
    top, *inner = name.split(".")
    path = _find_top(top)
    for part in inner:
        if path is None:
            return None
        folder = path.parent if path.name == "__init__.py" else path
        # A package, a module, or a folder of modules without `__init__.py`.
        candidates = (folder / part / "__init__.py", folder / f"{part}.py")
        path = next(filter(Path.is_file, candidates), folder / part) if folder.is_dir() else None
    return path if path is not None and path.is_file() else None


@functools.cache
def _find_top(top: str) -> Path | None:
    """Where the code of a first-party top-level module or package is."""
    if not top or top in sys.stdlib_module_names:
        return None
    loaded = sys.modules.get(top)
    origin = getattr(loaded, "__file__", None)
    if loaded is None:
        spec = importlib.util.find_spec(top)
        origin = spec.origin if spec else None
        if spec and origin is None and spec.submodule_search_locations:
            folder = Path(next(iter(spec.submodule_search_locations)))
            return None if _installed(folder) else folder
    if origin is None or not origin.endswith(".py") or (top not in _OWN and _installed(Path(origin))):
        return None
    return Path(origin).resolve()


def _installed(path: Path) -> bool:
    # A user's own installations and a distribution's are elsewhere, but go by these names.
    return bool(_SITE & set(path.parts)) or any(path.is_relative_to(folder) for folder in _INSTALLED)


def _imports(tree: ast.AST, package: str) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = node.module or ""
            if node.level:
                base = importlib.util.resolve_name("." * node.level + base, package)
            yield base
            yield from (f"{base}.{alias.name}" for alias in node.names if alias.name != "*")


def _with_parents(name: str) -> list[str]:
    """A name after all that it lies in."""
    parts = name.split(".")
    return [".".join(parts[: count + 1]) for count in range(len(parts))]


class _Bare(ast.NodeTransformer):
    """Takes docstrings out."""

    def _strip(self, node: Any) -> Any:
        self.generic_visit(node)
        first = node.body[0] if node.body else None
        text = first.value if isinstance(first, ast.Expr) else None
        if isinstance(text, ast.Constant) and isinstance(text.value, str):
            node.body = node.body[1:]
        return node

    visit_Module = visit_ClassDef = visit_FunctionDef = visit_AsyncFunctionDef = _strip


@functools.cache
def _version(name: str) -> str:
    """Empty for the standard library, and for what is missing, as the stage says."""
    if not name or name in sys.stdlib_module_names:
        return ""
    try:
        return importlib.metadata.version(_DISTRIBUTIONS.get(name, name))
    except importlib.metadata.PackageNotFoundError:
        owners = _all_distributions().get(name, ()) if importlib.util.find_spec(name) else ()
        return " ".join(f"{owner} {importlib.metadata.version(owner)}" for owner in sorted(set(owners)))


# Takes a while, so it is only asked about modules that bear another name than their distribution.
_all_distributions = functools.cache(importlib.metadata.packages_distributions)
