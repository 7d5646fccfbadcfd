"""Archives, tables and addresses as data sets: what is found in them, and what is told of hostile ones."""

import csv
import io
import os
import tarfile
import zipfile
from collections.abc import Callable, Iterable
from pathlib import Path

import fsspec
import numpy as np
import pytest
from PIL import Image

from nst_keras.data.settings import PARTS
from nst_keras.data.sources import archives, picture_files
from nst_keras.data.sources.listing import list_pictures
from nst_keras.data.spans import find_spans
from nst_keras.errors import InputError
from nst_keras.storage.remote import as_local

CLASSES = ("ant", "bee")


def _png(value: int, label: int) -> bytes:
    data = io.BytesIO()
    Image.fromarray(np.full((4, 5, 3), [value, 100 * label, 7], np.uint8)).save(data, "PNG")
    return data.getvalue()


PICTURES = {f"{name}/{n}.png": _png(n, label) for label, name in enumerate(CLASSES) for n in range(12)}


def _write_folder(root: Path, files: dict[str, bytes]) -> Path:
    for name, data in files.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_bytes(data)
    return root


def _write_tar(path: Path, files: dict[str, bytes], more: Iterable[tarfile.TarInfo] = ()) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    with tarfile.open(path, "w") as tar:
        for name, data in files.items():
            info = tarfile.TarInfo(name)
            info.size = len(data)
            tar.addfile(info, io.BytesIO(data))
        for info in more:
            tar.addfile(info)
    return path


def _write_zip(path: Path, files: dict[str, bytes]) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for number, (name, data) in enumerate(files.items()):
            archive.writestr(name, data, zipfile.ZIP_STORED if number % 2 else zipfile.ZIP_DEFLATED)
    return path


def _write_table(path: Path, rows: list[list[object]]) -> Path:
    with path.open("w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows(rows)
    return path


def _found(*sources: object) -> dict[str, dict[str, list[str]]]:
    parts = list_pictures(list(map(str, sources))).parts
    return {
        part: {name: [file.name for file in files] for name, files in classes.items()}
        for part, classes in parts.items()
    }


@pytest.fixture(scope="module")
def remote() -> str:
    """A folder in fsspec's store in memory: no cloud can be reached here."""
    system = fsspec.filesystem("memory")
    for name, data in PICTURES.items():
        system.pipe_file(f"/bucket/set/{name}", data)
    system.pipe_file("/bucket/set/.hidden/x.png", b"")
    return "memory://bucket/set"


def test_every_source_of_the_same_pictures_is_the_same_set(tmp_path: Path, remote: str) -> None:
    _write_folder(tmp_path / "set", PICTURES)
    rows = [["label", "path"], *([name.split("/")[0], f"set/{name}"] for name in PICTURES)]
    inside = {f"./my/set/{name}": data for name, data in PICTURES.items()}
    samples = {}
    for number, (name, data) in enumerate(PICTURES.items()):
        samples |= {f"{number:06}.png": data, f"{number:06}.cls": name.split("/")[0].encode()}
    half = len(samples) // 4 * 2
    pairs = list(samples.items())
    _write_tar(tmp_path / "shards" / "0.tar", dict(pairs[:half]))
    _write_tar(tmp_path / "shards" / "1.tar", dict(pairs[half:]))
    specs = [
        str(tmp_path / "set"),
        str(_write_tar(tmp_path / "set.tar", inside)),
        str(_write_zip(tmp_path / "set.zip", inside)),
        str(_write_table(tmp_path / "set.csv", rows)),
        str(tmp_path / "shards"),
        f"file://{tmp_path}/set.tar",
        remote,
    ]
    from nst_keras.data.datasets import load_dataset

    said: list[str] = []
    sets = [load_dataset(spec, strict=True, note=said.append) for spec in specs]
    assert {dataset.fingerprint for dataset in sets} == {sets[0].fingerprint}, "splits go by content alone"
    expected = {part: sets[0].splits[part].arrays() for part in PARTS}
    for dataset in sets[1:]:
        assert dataset.class_names == CLASSES
        for part in PARTS:
            for one, other in zip(dataset.splits[part].arrays(), expected[part], strict=True):
                np.testing.assert_array_equal(one, other)
    paths = sets[1].splits["train"].paths
    assert all(path.startswith(f"{tmp_path}/set.tar/my/set/") for path in paths)
    assert os.listdir(tmp_path / "shards") and not (tmp_path / "my").exists(), "nothing is unpacked"


def test_layouts_inside_archives(tmp_path: Path) -> None:
    parts = {f"d/train/{n}": b"" for n in ("ant/1.png", "bee/1.png")} | {
        "d/test/bee/2.png": b"",
        "d/x.txt": b"",
    }
    assert _found(_write_tar(tmp_path / "a.tar", parts)) == {
        "train": {"ant": ["d/train/ant/1.png"], "bee": ["d/train/bee/1.png"]},
        "test": {"bee": ["d/test/bee/2.png"]},
    }
    only = {
        "train/ant/1.png": b"",
        "train/bee/1.png": b"",
        "__MACOSX/train/ant/._1.png": b"",
        "a/.b.png": b"",
    }
    assert _found(_write_zip(tmp_path / "b.zip", only)) == {
        "train": {"ant": ["train/ant/1.png"], "bee": ["train/bee/1.png"]}
    }
    twice = _write_tar(tmp_path / "c.tar", {"ant/1.png": b"old", "bee/1.png": b""})
    with tarfile.open(twice, "a") as tar:
        info = tarfile.TarInfo("./ant/1.png")
        info.size = 3
        tar.addfile(info, io.BytesIO(b"new"))
    (file,) = list_pictures([str(twice)]).parts["train"]["ant"]
    assert file.read() == b"new"


def test_classes_that_are_numbers_and_archives_by_part(tmp_path: Path) -> None:
    for name in ("train-0.tar", "train-1.tar", "val-0.tar"):
        files = {f"{label}.a.jpg": b"" for label in range(9, 12)}
        files |= {f"{label}.cls": f"{label}\n".encode() for label in range(9, 12)}
        _write_tar(tmp_path / name, files)
    found = _found(tmp_path)
    assert list(found["train"]) == list(found["validation"]) == ["9", "10", "11"]
    assert [len(files) for files in found["train"].values()] == [2, 2, 2]
    _write_tar(tmp_path / "more.tar", {})
    with pytest.raises(InputError, match=r"all archives' names must begin with train, .*Received: more.tar"):
        _found(tmp_path)


def test_an_archive_beside_classes_is_no_source(tmp_path: Path) -> None:
    _write_folder(tmp_path, PICTURES)
    (tmp_path / "old.zip").write_bytes(b"")
    assert sum(len(files) for files in _found(tmp_path)["train"].values()) == len(PICTURES)


def test_hostile_members_are_listed_and_never_followed(tmp_path: Path) -> None:
    link, hard, device = (
        tarfile.TarInfo("ant/link.png"),
        tarfile.TarInfo("ant/hard.png"),
        tarfile.TarInfo("x.png"),
    )
    link.type, link.linkname = tarfile.SYMTYPE, "/etc/passwd"
    hard.type, hard.linkname = tarfile.LNKTYPE, "../ant/1.png"
    device.type = tarfile.CHRTYPE
    names = ("../up.png", "/etc/abs.png", "ant/../../b.png", "C:\\x.png")
    path = _write_tar(tmp_path / "a.tar", PICTURES | dict.fromkeys(names, b"x"), [link, hard, device])
    reasons = [reason for _, reason in list_pictures([str(path)]).refused]
    assert [reason.rpartition(": ")[2] for reason in reasons] == [
        *["has a name that leads out of the archive"] * 4,
        "is a link to /etc/passwd",
        "is a link to ../ant/1.png",
        "is no plain file",
    ]
    from nst_keras.data.datasets import load_dataset

    said: list[str] = []
    dataset = load_dataset(str(path), note=said.append)
    assert len(dataset.skipped) == 7 and "pictures left out: 7: " in said[1]
    with pytest.raises(InputError, match=r"all pictures must be readable.*up.png: has a name that leads out"):
        load_dataset(str(path), strict=True, note=said.append)


def test_bombs_get_no_further_than_they_say(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = _write_zip(tmp_path / "a.zip", PICTURES | {"ant/bomb.png": bytes(1 << 20)})
    small = list_pictures([str(path)]).parts["train"]["ant"][-1]
    assert small.inside and small.name == "ant/bomb.png"
    lying = small.inside._replace(unpacked=100)
    with pytest.raises(InputError, match=r"a\.zip/ant/bomb\.png: is damaged: length or checksum"):
        picture_files.PictureFile(str(path), small.name, lying).read()
    monkeypatch.setattr(archives, "_LARGEST", 1 << 19)
    (refused,) = list_pictures([str(path)]).refused
    assert "must have at most 524288 bytes. Received: 1048576" in refused[1]


def _overlapping(path: Path) -> None:
    """Two entries of the table that are one member, as quadratic bombs have them by the thousand."""
    data = _write_zip(path, {"ant/1.png": b"1", "bee/1.png": b"2"}).read_bytes()
    table = data.index(b"PK\1\2")
    first = data.index(b"ant/1.png", table) - 46
    second = data.index(b"bee/1.png", table) - 46
    path.write_bytes(data[: second + 42] + data[first + 42 : first + 46] + data[second + 46 :])


def _cut(path: Path, write: Callable[[Path, dict[str, bytes]], Path], keep: float) -> None:
    whole = write(path, PICTURES).read_bytes()
    path.write_bytes(whole[: int(len(whole) * keep)])


@pytest.mark.parametrize(
    ("name", "build", "message"),
    [
        ("a.tar", lambda p: _cut(p, _write_tar, 0.5), "a.tar: is damaged or cut short"),
        ("a.tar", lambda p: p.write_bytes(_write_tar(p, PICTURES).read_bytes()[:1024]), "no mark of its end"),
        ("a.tar", lambda p: p.write_bytes(b""), "a.tar: is damaged or cut short"),
        ("a.tar", lambda p: p.write_bytes(b"\x89PNG" * 999), "a.tar: is damaged or cut short"),
        ("a.zip", lambda p: _cut(p, _write_zip, 0.9), "a.zip: is damaged or cut short"),
        ("a.zip", _overlapping, "a.zip: is damaged: '.*' lies over the one before it"),
        ("a.tar.gz", lambda p: p.write_bytes(b""), "is compressed as a whole, .*: unpack it to a .tar"),
        (
            "a.tar",
            lambda p: _write_tar(p, {"1.png": b"", "1.cls": b"\0" * 9}),
            "1.cls: must hold the name or",
        ),
        (
            "a.tar",
            lambda p: _write_tar(p, {"ant/1.png": b""}),
            "must hold at least two classes. Received: ant",
        ),
        ("a.tar", lambda p: _write_tar(p, {"1.png": b"", "2.png": b""}), "must hold a folder for each class"),
        (
            "a.csv",
            lambda p: _write_table(p, [["file", "label"]]),
            r"columns path and label.*Received: file, label",
        ),
        (
            "a.csv",
            lambda p: _write_table(p, [["path", "label"], ["a.png", ""]]),
            "row 2 must have a value for label",
        ),
        (
            "a.csv",
            lambda p: _write_table(p, [["path", "label"], ["a", "x"], ["a", "y"]]),
            "row 3: a is y in train",
        ),
        (
            "a.csv",
            lambda p: _write_table(p, [["path", "label", "split"], ["a", "x", "dev"]]),
            "split must be train",
        ),
        ("a.csv", lambda p: p.write_bytes(b"path,label\n\xff\xfe,x"), "a.csv: is damaged or isn't a table"),
        ("a.parquet", lambda p: p.write_bytes(b"PAR1"), "a.parquet: is damaged or isn't a table"),
        ("a.tar", lambda p: None, "a.tar: does not exist"),
        ("a.doc", lambda p: p.write_bytes(b""), "a.doc: is neither a folder nor an archive"),
    ],
)
def test_what_cannot_be_used(
    tmp_path: Path, name: str, build: Callable[[Path], object], message: str
) -> None:
    build(tmp_path / name)
    with pytest.raises(InputError, match=message):
        list_pictures([str(tmp_path / name)])


def test_tables_have_splits_and_lists_what_is_missing(tmp_path: Path) -> None:
    parquet, pyarrow = pytest.importorskip("pyarrow.parquet"), pytest.importorskip("pyarrow")
    _write_folder(tmp_path / "pictures", PICTURES)
    names = [f"pictures/{name}" for name in PICTURES]
    columns = {
        "path": [*names, "pictures/gone.png", names[0]],
        "label": [*([3] * 12), *([20] * 12), 3, 3],
        "split": [*(["train"] * 11 + ["test"]) * 2, "train", "train"],
        "note": ["x"] * 26,
    }
    table = tmp_path / "set.parquet"
    parquet.write_table(pyarrow.table(columns), table)
    found = _found(table)
    assert {part: {name: len(f) for name, f in classes.items()} for part, classes in found.items()} == {
        "train": {"3": 12, "20": 11},
        "test": {"3": 1, "20": 1},
    }
    from nst_keras.data.datasets import load_dataset

    dataset = load_dataset(str(table), note=lambda text: None)
    assert [file.path for file in dataset.skipped] == [f"{tmp_path}/pictures/gone.png"]
    assert dataset.class_names == ("3", "20") and dataset.splits["test"].size == 2


def test_addresses_that_cannot_be_read(remote: str) -> None:
    for spec, message in (
        ("memory://bucket/none", "memory://bucket/none: does not exist"),
        (f"{remote}/ant/1.png", "1.png: does not exist, or isn't a folder"),
        ("nonsense://x/y", "nonsense://x/y: .*[Pp]rotocol not known"),
        ("memory://bucket/none.tar", "none.tar: does not exist"),
        ("file://host/x", "must have three slashes"),
        ("memory://bucket/{SPAN}", "stands for local folders"),
    ):
        with pytest.raises(InputError, match=message):
            list_pictures([as_local(spec)]) if "{SPAN}" not in spec else find_spans(spec, 1)
