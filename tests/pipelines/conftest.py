"""Small collections of photos and paintings, as the stages for pictures take them; and a tiny pipeline."""

import importlib
import shutil
import sys
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

from nst_keras.pictures.images import encode_image
from pipelines.engine.stage import Artifact
from pipelines.examples.files import Example, ExampleInfo, shard_name, write_info, write_shard
from pipelines.kinds import Examples


@pytest.fixture
def write_collection(tmp_path: Path) -> Callable[..., Examples]:
    """Writes encoded pictures by split and name as an artifact, in two shards of two or more."""

    def write(splits: Mapping[str, Mapping[str, bytes]], name: str = "examples") -> Examples:
        folder = tmp_path / name
        folder.mkdir()
        counts = {}
        for split, pictures in splits.items():
            examples = [Example(key, data, None) for key, data in pictures.items()]
            shards = min(2, len(examples))
            parts = [examples[number::shards] for number in range(shards)]
            counts[split] = tuple(
                write_shard(folder / shard_name(split, number, shards), part)
                for number, part in enumerate(parts)
            )
        write_info(folder, ExampleInfo("collection", (), None, counts))
        return Examples(folder)

    return write


@pytest.fixture
def photos(photo: np.ndarray) -> dict[str, bytes]:
    """Three real photos of different sizes, one of them a JPEG."""
    return {
        "left": encode_image(photo[:72, :64], ".png"),
        "right": encode_image(photo[:64, -80:], ".jpg"),
        "upper": encode_image(photo[:48, 30:110], ".png"),
    }


@pytest.fixture
def paintings() -> dict[str, bytes]:
    """Two paintings: broad stripes in one colour, fine ones in another."""
    x = np.arange(64)
    pictures = {}
    for name, period, color in (("broad", 24, (230, 60, 30)), ("fine", 6, (20, 90, 220))):
        stripes = 0.5 + 0.5 * np.sign(np.sin(2 * np.pi * (x[:, None] + x) / period))
        pictures[name] = encode_image(stripes[..., None] * color, ".png")
    return pictures


@pytest.fixture
def collection(
    write_collection: Callable[..., Examples], photos: dict[str, bytes], paintings: dict[str, bytes]
) -> Examples:
    """Both of them."""
    return write_collection({"photos": photos, "paintings": paintings})


@pytest.fixture
def make_output(tmp_path: Path) -> Callable[..., Artifact]:
    """Makes the empty folder of an output, as the engine does."""

    def make(kind: type[Artifact], name: str) -> Artifact:
        (tmp_path / name).mkdir()
        return kind(tmp_path / name)

    return make


@pytest.fixture
def contents() -> Callable[[Artifact], dict[str, bytes]]:
    """Reads all files of an artifact, by their paths in it."""

    def read(artifact: Artifact) -> dict[str, bytes]:
        paths = sorted(path for path in artifact.path.rglob("*") if path.is_file())
        return {path.relative_to(artifact.path).as_posix(): path.read_bytes() for path in paths}

    return read


@pytest.fixture
def tiny(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[ModuleType]:
    """The module `tiny_pipeline.py`, in a folder of its own, where other processes find it, too."""
    name = f"tiny_{tmp_path.name}"
    (tmp_path / "code").mkdir()
    source = Path(__file__).with_name("tiny_pipeline.py")
    shutil.copyfile(source, tmp_path / "code" / f"{name}.py")
    monkeypatch.syspath_prepend(tmp_path / "code")
    monkeypatch.delenv("TINY_TRICK", raising=False)
    yield importlib.import_module(name)
    sys.modules.pop(name)
