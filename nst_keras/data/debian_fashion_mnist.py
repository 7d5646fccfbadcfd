"""Fashion-MNIST from files that are already on this machine, as tensorflow-datasets wants them.

Debian's package `dataset-fashion-mnist` holds the original files, but its build has taken name and time out
of their gzip headers (`gzip -n`), so that their checksums are no longer the published ones. Putting both back
gives the original files, byte for byte.
"""

import contextlib
import hashlib
import tempfile
from collections.abc import Iterator
from pathlib import Path

import tensorflow_datasets as tfds

from nst_keras.errors import InputError
from nst_keras.storage.files import open_file, write_whole

DEBIAN_DIR = Path("/usr/share/datasets/fashion-mnist")

# The times at which Zalando packed the files, seconds since 1970; they stand in the original headers.
_PACKED = {"train": 0x59A7E9DE, "t10k": 0x59A7E9F3}
FILE_NAMES = tuple(f"{part}-{kind}-ubyte.gz" for part in _PACKED for kind in ("images-idx3", "labels-idx1"))

# RFC 1952: magic, deflate, flags, time (4 bytes, little-endian), extra flags, system; the name if flagged.
_HEADER_BYTES = 10
_MAGIC, _HAS_NAME = b"\x1f\x8b\x08", 8


def restore_header(data: bytes, name: str) -> bytes:
    """Puts the original's name, one of `FILE_NAMES`, and time back into a gzip file that has neither."""
    if data[:4] != _MAGIC + b"\0":
        return data
    time = _PACKED[name.partition("-")[0]].to_bytes(4, "little")
    header = _MAGIC + bytes([_HAS_NAME]) + time + data[8:_HEADER_BYTES]
    return header + name.removesuffix(".gz").encode() + b"\0" + data[_HEADER_BYTES:]


@contextlib.contextmanager
def download_config(
    builder: tfds.core.DatasetBuilder, manual_dir: str
) -> Iterator[tfds.download.DownloadConfig]:
    """Yields the settings to prepare a set with; for Fashion-MNIST, with local files if there are any."""
    downloaded = Path(manual_dir).expanduser() if manual_dir else None
    if downloaded and not downloaded.is_dir():
        raise InputError(f"manual_dir must be a folder. Received: manual_dir={manual_dir}")
    with tempfile.TemporaryDirectory(prefix="nst_keras-") as folder:
        if builder.name != "fashion_mnist" or not _restored(downloaded, Path(folder), builder):
            yield tfds.download.DownloadConfig(manual_dir=downloaded)
            return
        # Its own extract_dir: mnist and kmnist have files of the same names.
        yield tfds.download.DownloadConfig(manual_dir=folder, extract_dir=Path(folder) / "extracted")


def _restored(manual_dir: Path | None, target: Path, builder: tfds.core.DatasetBuilder) -> bool:
    """Whether the original files are in `target` now."""
    if manual_dir and any((manual_dir / name).exists() for name in FILE_NAMES):
        _restore_files(manual_dir, target, builder)
        return True
    try:
        _restore_files(DEBIAN_DIR, target, builder)
    except InputError:
        # No package, or one that was packed in another way: a download is still possible.
        return False
    return True


def _restore_files(source: Path, target: Path, builder: tfds.core.DatasetBuilder) -> None:
    """Writes the four original files into `target`, checked against the builder's checksums."""
    expected = {info.filename: info.checksum for info in builder.url_infos.values()}
    for name in FILE_NAMES:
        with open_file(source / name) as file:
            data = restore_header(file.read(), name)
        checksum = hashlib.sha256(data).hexdigest()
        if checksum != expected[name]:
            wanted = f"Fashion-MNIST's file with sha256 {expected[name]}"
            raise InputError(f"{source / name}: must be {wanted}. Received: sha256 {checksum}")
        write_whole(target / name, data)
