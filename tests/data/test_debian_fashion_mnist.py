"""Fashion-MNIST out of Debian's package; nothing here touches the network."""

import gzip
import hashlib
import os

import numpy as np
import pytest

from nst_keras.data.datasets import load_dataset
from nst_keras.data.debian_fashion_mnist import DEBIAN_DIR, FILE_NAMES, restore_header
from nst_keras.errors import InputError

# In CI the package must be there: a skip would hide that nothing is proven.
needs_package = pytest.mark.skipif(
    not DEBIAN_DIR.exists() and not os.environ.get("CI"),
    reason="needs Debian's package dataset-fashion-mnist",
)


@pytest.fixture(scope="module")
def fashion(tmp_path_factory):
    return load_dataset("fashion_mnist", data_dir=str(tmp_path_factory.mktemp("data")), note=lambda _: None)


@needs_package
@pytest.mark.large  # tensorflow-datasets takes half a minute to write 70,000 pictures
def test_the_real_pictures(fashion):
    sizes = {name: split.size for name, split in fashion.splits.items()}
    assert sizes == {"train": 54_000, "validation": 6_000, "test": 10_000}
    assert fashion.image_shape == (28, 28, 1)
    assert fashion.class_names[0] == "T-shirt/top" and fashion.class_names[9] == "Ankle boot"
    images, labels = fashion.splits["test"].arrays()
    with gzip.open(DEBIAN_DIR / "t10k-images-idx3-ubyte.gz") as file:
        original = np.frombuffer(file.read()[16:], np.uint8).reshape(images.shape)
    with gzip.open(DEBIAN_DIR / "t10k-labels-idx1-ubyte.gz") as file:
        original_labels = np.frombuffer(file.read()[8:], np.uint8)
    # tensorflow-datasets stores them in another order.
    assert sorted(zip(labels.tolist(), (image.tobytes() for image in images), strict=True)) == sorted(
        zip(original_labels.tolist(), (image.tobytes() for image in original), strict=True)
    )


@needs_package
@pytest.mark.parametrize(
    ("name", "sha256"),
    [
        ("t10k-images-idx3-ubyte.gz", "346e55b948d973a97e58d2351dde16a484bd415d4595297633bb08f03db6a073"),
        ("train-images-idx3-ubyte.gz", "3aede38d61863908ad78613f6a32ed271626dd12800ba2636569512369268a84"),
        ("t10k-labels-idx1-ubyte.gz", "67da17c76eaffca5446c3361aaab5c3cd6d1c2608764d35dfb1850b086bf8dd5"),
        ("train-labels-idx1-ubyte.gz", "a04f17134ac03560a47e3764e11b92fc97de4d1bfaf8ba1a3aa29af54cc90845"),
    ],
)
def test_restored_files_are_the_published_ones(name, sha256):
    restored = restore_header((DEBIAN_DIR / name).read_bytes(), name)
    assert hashlib.sha256(restored).hexdigest() == sha256
    # Files that are whole already stay as they are.
    assert restore_header(restored, name) == restored


def test_wrong_files_in_manual_dir_are_named(tmp_path):
    for name in FILE_NAMES:
        (tmp_path / name).write_bytes(gzip.compress(b"something else", mtime=0))
    with pytest.raises(InputError, match=r"t.*-ubyte.gz: must be Fashion-MNIST's file with sha256"):
        load_dataset("fashion_mnist", data_dir=str(tmp_path / "data"), manual_dir=str(tmp_path))


def test_incomplete_manual_dir(tmp_path):
    (tmp_path / FILE_NAMES[-1]).write_bytes(b"")
    with pytest.raises(InputError, match="does not exist"):
        load_dataset("fashion_mnist", data_dir=str(tmp_path / "data"), manual_dir=str(tmp_path))


def test_manual_dir_that_is_not_there(tmp_path):
    with pytest.raises(InputError, match="manual_dir must be a folder"):
        load_dataset("fashion_mnist", data_dir=str(tmp_path), manual_dir=str(tmp_path / "none"))


def fail(*_, **__):
    raise OSError("no route to host")


def test_no_network_says_what_to_do(tmp_path, monkeypatch):
    monkeypatch.setattr("nst_keras.data.debian_fashion_mnist.DEBIAN_DIR", tmp_path / "none")
    monkeypatch.setattr("urllib.request.getproxies", dict)
    monkeypatch.setattr("socket.create_connection", fail)
    with pytest.raises(
        InputError, match=r"amazonaws.com cannot be reached.*apt-get install dataset-fashion-mnist"
    ):
        load_dataset("fashion_mnist", data_dir=str(tmp_path))


def test_failed_download_says_what_to_do(tmp_path, monkeypatch):
    monkeypatch.setattr("nst_keras.data.debian_fashion_mnist.DEBIAN_DIR", tmp_path / "none")
    # Behind a proxy, the network is found to be down by the download itself.
    monkeypatch.setattr("urllib.request.getproxies", lambda: {"http": "proxy"})
    monkeypatch.setattr("requests.Session.get", fail)
    with pytest.raises(
        InputError, match=r"no route to host.*apt-get install dataset-fashion-mnist.*--manual_dir"
    ):
        load_dataset("fashion_mnist", data_dir=str(tmp_path))
    # Nothing half-written is taken for a prepared set.
    assert not (tmp_path / "fashion_mnist" / "3.0.1").exists()
