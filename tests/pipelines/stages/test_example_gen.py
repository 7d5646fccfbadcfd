"""ExampleGen: the same splits as `load_dataset`, shard by shard."""

import os
import shutil
import subprocess
import sys
import tarfile
import zipfile
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from nst_keras.data import file_sets
from nst_keras.data.datasets import load_dataset
from nst_keras.data.file_sets import _look_at
from nst_keras.data.sources.picture_files import PictureFile
from nst_keras.errors import InputError
from nst_keras.pictures.images import write_image
from nst_keras.storage import files
from pipelines.engine.execution.runner import Choice, NodeResult, Runner
from pipelines.engine.stage import Context, Facts, Pipeline, Stopped
from pipelines.engine.store import store
from pipelines.engine.store.digests import file_digest, read_tree
from pipelines.engine.store.store import Store
from pipelines.examples.files import read_dataset, read_info, read_shard, shard_paths
from pipelines.kinds import Examples
from pipelines.stages import example_gen
from pipelines.stages.example_gen import ExampleGen, ExampleGenConfig, generate_examples, scan


def _in_threads(function: Callable, tasks: Iterable) -> Iterator[Any]:
    with ThreadPoolExecutor(4) as pool:
        yield from pool.map(function, tasks)


def _backwards(function: Callable, tasks: Iterable) -> Iterator[Any]:
    return iter([function(task) for task in list(tasks)[::-1]][::-1])


def _bytes(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in sorted(folder.iterdir())}


_opened: list[str] = []
_HOOKS: list[Callable] = []  # they stay in a process


def _note_opened(event: str, arguments: tuple[Any, ...]) -> None:
    if event == "open" and isinstance(arguments[0], str) and "/pets/" in arguments[0]:
        _opened.append(arguments[0])


@pytest.fixture
def opened(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Pictures that this process opens; all file times count, as if some time had gone by."""
    if _note_opened not in _HOOKS:
        sys.addaudithook(_note_opened)
        _HOOKS.append(_note_opened)
    monkeypatch.setattr(files, "_COARSEST_CLOCK_NS", 0)
    return _opened


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Twelve pictures of two classes and several sizes, one of them not readable."""
    rng = np.random.default_rng(0)
    for name, red in (("cats", 200), ("dögs", 40)):
        (tmp_path / "pets" / name).mkdir(parents=True)
        for number in range(6):
            pixels = np.add(rng.integers(0, 99, (20 + number, 24, 3)), [red, 0, 0])
            write_image(tmp_path / "pets" / name / f"{number}.png", pixels.clip(0, 255))
    (tmp_path / "pets" / "cats" / "broken.png").write_bytes(b"\x89PNG no more")
    return tmp_path / "pets"


def test_digits_are_what_load_dataset_gives(new: Callable[..., Any], tmp_path: Path) -> None:
    examples = new(Examples)
    counts = generate_examples(ExampleGenConfig(), Context(tmp_path / "scratch"), examples=examples)
    assert counts == {"train": 1299, "validation": 143, "test": 355, "classes": 10, "left_out": 0}
    found, expected = read_dataset(examples), load_dataset("digits")
    assert (found.class_names, found.image_shape) == (expected.class_names, expected.image_shape)
    for split in expected.splits:
        for one, other in zip(found.splits[split].arrays(), expected.splits[split].arrays(), strict=True):
            np.testing.assert_array_equal(one, other)
    assert read_info(examples).splits["test"] == (89, 89, 89, 88)
    assert ExampleGen.reads(ExampleGenConfig()) == []


@pytest.mark.parametrize("run", [_in_threads, _backwards])
def test_a_folder_whatever_the_order_of_workers(
    folder: Path, new: Callable[..., Any], tmp_path: Path, run: Callable
) -> None:
    config = ExampleGenConfig(dataset=str(folder), shards=3)
    said: list[str] = []
    plain, other = new(Examples, "plain"), new(Examples, "other")
    counts = generate_examples(config, Context(tmp_path / "a", say=said.append), examples=plain)
    generate_examples(config, Context(tmp_path / "b", map=run), examples=other)
    assert _bytes(plain.path) == _bytes(other.path)
    assert counts["left_out"] == 1
    assert any("broken.png" in line for line in said)
    expected = load_dataset(str(folder), note=said.append)
    found = read_dataset(plain)
    assert (found.name, found.class_names) == ("pets", ("cats", "dögs"))
    for split in expected.splits:
        for one, two in zip(found.splits[split].arrays(), expected.splits[split].arrays(), strict=True):
            np.testing.assert_array_equal(one, two)
    names = [example.name for path in shard_paths(plain, "train") for example in read_shard(path)]
    assert all(name.startswith(("cats/", "dögs/")) for name in names), "names say nothing of this machine"
    assert ExampleGen.reads(config) == [folder]


def test_archives_and_tables_give_the_folders_shards_and_their_change_is_seen(
    folder: Path, new: Callable[..., Any], tmp_path: Path
) -> None:
    sources = [folder, tmp_path / "pets.tar", folder / "pets.csv"]
    pictures = sorted(folder.glob("*/*.png"))

    def pack() -> None:
        with tarfile.open(sources[1], "w") as tar:
            tar.add(folder, ".")

    pack()
    rows = [f"{path.relative_to(folder)},{path.parent.name}" for path in pictures]
    sources[2].write_text("\n".join(["path,label", *rows]))
    made = []
    for number, source in enumerate(sources):
        examples, context = new(Examples, f"made{number}"), Context(tmp_path / f"scratch{number}")
        counts = generate_examples(ExampleGenConfig(str(source), shards=1), context, examples=examples)
        assert counts["left_out"] == 1 and counts["classes"] == 2
        assert read_info(examples).name == source.name
        made.append({name: data for name, data in _bytes(examples.path).items() if name != "info.json"})
    assert made[1] == made[0] == made[2]

    def digests() -> list[str]:
        reads = [path for source in sources for path in ExampleGen.reads(ExampleGenConfig(str(source)))]
        return [read_tree(path).digest for path in reads]

    before = digests()
    pictures[0].write_bytes(pictures[1].read_bytes())
    pack()
    assert not set(before) & set(digests())


def test_an_archive_is_known_by_its_pictures_which_are_read_once(
    folder: Path, tmp_path: Path, opened: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    archive, digested = tmp_path / "pets.zip", []
    with zipfile.ZipFile(archive, "w") as pack:
        for path in sorted(folder.glob("*/*.png")):
            pack.write(path, path.relative_to(folder))
    data = archive.read_bytes()
    first = (folder / "cats" / "0.png").read_bytes()
    archive.write_bytes(data.replace(first, first[:-20] + bytes(20)))  # other than its checksum says
    monkeypatch.setattr(
        store, "file_digest", lambda path: (digested.append(Path(str(path)).name), file_digest(path))[1]
    )
    root = Store(tmp_path / "root")

    def run() -> NodeResult:
        runner = Runner(Pipeline("p", (ExampleGen(ExampleGenConfig(str(archive), shards=1)),)), root)
        runner.run("a command", "1")
        return runner.results["ExampleGen"]

    assert run().record["left_out"] == 2
    assert [name for name in digested if name.endswith((".png", ".zip"))] == ["0.png"], "what can't be read"
    assert run().cached
    archive.write_bytes(data)
    assert run().record["left_out"] == 1
    root.close()


@pytest.mark.parametrize("in_files", [True, pytest.param(False, marks=pytest.mark.large)])
def test_goes_on_after_a_kill(folder: Path, new: Callable[..., Any], tmp_path: Path, in_files: bool) -> None:
    config = ExampleGenConfig(dataset=str(folder) if in_files else "digits", shards=3)
    whole, again = new(Examples, "whole"), new(Examples, "again")
    generate_examples(config, Context(tmp_path / "a"), examples=whole)
    scratch = tmp_path / "b"
    with pytest.raises(Stopped):
        generate_examples(config, Context(scratch, should_stop=lambda: True), examples=again)
    (done,) = scratch.glob("*.tfrecord")
    before = done.stat().st_mtime_ns
    (scratch / ".nst_keras-0123.tmp").write_bytes(b"what a killed worker left")
    # A later shard than a missing one may be there too.
    shutil.copy(whole.path / "train-00002-of-00003.tfrecord", scratch)
    generate_examples(config, Context(scratch), examples=again)
    assert _bytes(whole.path) == _bytes(again.path)
    assert done.stat().st_mtime_ns == before, "a finished shard isn't written again"


def test_pictures_are_looked_at_once_whatever_stops_the_run(
    folder: Path, new: Callable[..., Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    looked: list[str] = []

    def look_at(file: PictureFile, keep: Any) -> Any:
        looked.append(file.name)
        return _look_at(file, keep)

    monkeypatch.setattr(file_sets, "_PORTION", 4)
    monkeypatch.setattr(file_sets, "_look_at", look_at)
    config, scratch, shown = ExampleGenConfig(dataset=str(folder)), tmp_path / "scratch", []
    with pytest.raises(Stopped):
        context = Context(scratch, show=shown.append, should_stop=lambda: len(looked) > 4)
        generate_examples(config, context, examples=new(Examples))
    assert shown == ["reading pictures: part 1/4", "reading pictures: part 2/4"] and len(looked) == 8
    counts = generate_examples(config, Context(scratch), examples=new(Examples, "whole"))
    assert counts["left_out"] == 1 and len(looked) == 13


def test_what_was_seen_is_used_again_by_who_looks_less_closely(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    looked: list[str] = []

    def look_at(file: PictureFile, *arguments: Any, **options: Any) -> Any:
        looked.append(file.name)
        return _look_at(file, *arguments, **options)

    monkeypatch.setattr(file_sets, "_look_at", look_at)
    facts = Facts()  # a picture that can't be read isn't looked at again
    for split_by, count in (("content", 13), ("appearance", 12), ("appearance", 0), ("content", 0)):
        looked.clear()
        config = ExampleGenConfig(str(folder), split_by=split_by)
        scanned = scan(config, Context(tmp_path / f"scratch {split_by} {count}", facts=facts))
        assert len(looked) == count and scanned.dataset.split_by == split_by


_DRIVER = """
import sys
from pathlib import Path
from pipelines.engine.stage import Context
from pipelines.kinds import Examples
from pipelines.stages.example_gen import ExampleGenConfig, generate_examples, look_once

def elsewhere(function, tasks):
    for task in tasks:
        if function is look_once:
            yield look_once(task)
        else:
            task.target.touch()
            yield ""

context, examples = Context(Path("scratch"), elsewhere), Examples(Path("examples"))
print(generate_examples(ExampleGenConfig("./pets"), context, examples=examples)["left_out"])
print([name for name in ("tensorflow", "tensorflow_datasets") if name in sys.modules])
"""


def test_who_only_hands_tasks_out_needs_no_tensorflow(folder: Path) -> None:
    (folder.parent / "examples").mkdir()
    environment = os.environ | {"PYTHONPATH": str(Path(example_gen.__file__).parents[2])}
    command = [sys.executable, "-c", _DRIVER]
    done = subprocess.run(command, cwd=folder.parent, env=environment, capture_output=True, text=True)
    assert done.stdout.split("\n")[:2] == ["1", "[]"], done.stderr


def test_strict_and_unknown(folder: Path, new: Callable[..., Any], tmp_path: Path) -> None:
    context = Context(tmp_path / "scratch")
    with pytest.raises(InputError, match=r"broken\.png"):
        generate_examples(ExampleGenConfig(str(folder), strict=True), context, examples=new(Examples))
    with pytest.raises(InputError, match="no_such_set: is neither a folder nor a data set"):
        generate_examples(ExampleGenConfig("no_such_set"), context, examples=new(Examples, "b"))
    with pytest.raises(InputError, match="shards must be a whole number, at least 1"):
        ExampleGenConfig(shards=0)


def test_each_byte_is_read_once_and_later_what_is_new(
    folder: Path, tmp_path: Path, opened: list[str]
) -> None:
    pipeline = Pipeline("p", (ExampleGen(ExampleGenConfig(str(folder), shards=2)),))
    store = Store(tmp_path / "root")

    def run(**choice: Any) -> tuple[Counter[str], NodeResult]:
        opened.clear()
        runner = Runner(pipeline, store, choice=Choice(**choice))
        runner.run("a command", "1")
        names = (os.path.relpath(path, folder) for path in opened)
        return Counter(name for name in names if name[0] != "."), runner.results["ExampleGen"]

    pictures = {str(path.relative_to(folder)) for path in folder.rglob("*.png")}
    assert run()[0] == dict.fromkeys(pictures, 1), "digest, look and copy together"
    first = run()
    assert first[1].cached and not first[0]
    (folder / "cats" / "new.png").write_bytes((folder / "cats" / "1.png").read_bytes() + b"more")
    opens, result = run()
    assert opens["cats/new.png"] == 1 and not result.cached
    assert opens["cats/broken.png"] == 0, "what it is is known"
    assert set(opens.values()) == {1}, "the rest of its shard is copied"
    (folder / "dögs").rename(folder / "hounds")
    assert set(run()[0].values()) == {1}
    assert set(run(thoroughly=True)[0].values()) == {1}
    assert not list((tmp_path / "root" / "work").glob("scan-*[!k]")), "no bytes are left there"
    store.close()
