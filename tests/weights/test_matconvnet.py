from pathlib import Path

import numpy as np
import pytest
import scipy.io

from nst_keras.errors import InputError
from nst_keras.models.vgg19_layout import CONV_SHAPES, LAYER_NAMES, VGG19Weights
from nst_keras.weights import matconvnet
from nst_keras.weights.matconvnet import order_kernels, read_mat
from nst_keras.weights.matconvnet_writer import write_mat

SMALL_SHAPE = (3, 3, 2, 64)
CLASSIFIER = ("fc6", "relu6", "fc7", "relu7", "fc8", "prob")


def random_weights(shapes: dict[str, tuple[int, int, int, int]]) -> VGG19Weights:
    random = np.random.default_rng(0)
    layers = {
        name: (random.random(shape, np.float32), random.random(shape[3], np.float32))
        for name, shape in shapes.items()
    }
    return VGG19Weights(layers, (123.68, 116.779, 103.939), "random", "sha256:0", "none")


@pytest.fixture(scope="session")
def weights() -> VGG19Weights:
    """Random weights of the real shapes."""
    return random_weights(CONV_SHAPES)


@pytest.fixture(scope="session", params=["beta16", "beta17"])
def layout(request: pytest.FixtureRequest) -> str:
    return request.param


@pytest.fixture(scope="session")
def full_file(tmp_path_factory: pytest.TempPathFactory, weights: VGG19Weights, layout: str) -> Path:
    path = tmp_path_factory.mktemp(layout) / "imagenet-vgg-verydeep-19.mat"
    write_mat(path, weights, layout)
    return path


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> VGG19Weights:
    """Lets the reader expect narrow layers and returns weights of that shape."""
    shapes = dict.fromkeys(CONV_SHAPES, SMALL_SHAPE)
    monkeypatch.setattr(matconvnet, "CONV_SHAPES", shapes)
    return random_weights(shapes)


def save(path: Path, layers: dict[str, list], **variables: object) -> Path:
    """Writes a MatConvNet file with `{name: arrays}` as its layers."""
    cell = np.empty((1, len(layers)), object)
    for i, (name, arrays) in enumerate(layers.items()):
        weights = np.empty((1, len(arrays)), object)
        weights[0, :] = arrays
        cell[0, i] = {"name": name, "type": "conv", "weights": weights}
    normalization = {"averageImage": np.full((1, 1, 3), 100.0)}
    variables = {"layers": cell, "meta": {"normalization": normalization}} | variables
    scipy.io.savemat(path, variables)
    return path


def small_layers() -> dict[str, list]:
    bias = np.zeros((64, 1), np.float32)
    return {name: [np.ones(SMALL_SHAPE, np.float32), bias] for name in CONV_SHAPES}


def test_both_layouts_are_read(full_file: Path, weights: VGG19Weights, layout: str) -> None:
    read = read_mat(full_file)
    assert list(read.layers) == list(CONV_SHAPES)
    for name, (kernel, bias) in weights.layers.items():
        np.testing.assert_array_equal(read.layers[name][0], kernel)
        np.testing.assert_array_equal(read.layers[name][1], bias)
    assert read.mean_pixel == pytest.approx(weights.mean_pixel, abs=1e-5)
    assert read.digest.startswith("md5:")
    assert read.licence == "unknown"


def test_index_paths_of_other_programs(full_file: Path, weights: VGG19Weights, layout: str) -> None:
    file = scipy.io.loadmat(full_file)
    layers = file["layers"]
    assert layers.shape == (1, len(LAYER_NAMES))
    for i, name in enumerate(LAYER_NAMES):
        if name not in CONV_SHAPES:
            assert layers[0][i]["name"][0][0][0] == name
        elif layout == "beta16":
            kernel, bias = layers[0][i][0][0][0][0]
            assert layers[0][i][0][0][3][0] == name
            assert layers[0][i][0][0][-2][0] == name
            assert bias.shape == (1, CONV_SHAPES[name][3])
        else:
            kernel, bias = layers[0][i][0][0][2][0]
            assert layers[0][i][0][0][0][0] == name
            assert bias.shape == (CONV_SHAPES[name][3], 1)
        if name in CONV_SHAPES:
            np.testing.assert_array_equal(kernel, weights.layers[name][0])
            np.testing.assert_array_equal(bias.ravel(), weights.layers[name][1])
    if layout == "beta16":
        image = file["normalization"][0][0][0]
        assert image.shape == (224, 224, 3)
        mean = image.mean(axis=(0, 1), dtype=np.float64)
    else:
        mean = file["meta"]["normalization"][0][0][0][0][2][0][0]
    np.testing.assert_allclose(mean, weights.mean_pixel, rtol=1e-6)


def test_transposed_swaps_height_and_width(tmp_path: Path, small: VGG19Weights) -> None:
    write_mat(tmp_path / "net.mat", small)
    read = read_mat(tmp_path / "net.mat", kernel_order="transposed")
    kernel, bias = small.layers["conv3_2"]
    np.testing.assert_array_equal(read.layers["conv3_2"][0], np.swapaxes(kernel, 0, 1))
    np.testing.assert_array_equal(read.layers["conv3_2"][1], bias)
    with pytest.raises(InputError, match="kernel_order must be one of stored, transposed"):
        order_kernels(small, "sideways")


def test_mean_pixel_comes_from_the_file(tmp_path: Path, small: VGG19Weights) -> None:
    image = np.random.default_rng(0).uniform(0, 255, (224, 224, 3))
    path = save(tmp_path / "net.mat", small_layers(), meta={"normalization": {"averageImage": image}})
    assert read_mat(path).mean_pixel == pytest.approx(image.mean(axis=(0, 1)))


def test_layers_of_the_classifier_are_ignored(tmp_path: Path, small: VGG19Weights) -> None:
    extra = [np.ones((7, 7, 2, 5)), np.ones((1, 5))]
    path = save(tmp_path / "net.mat", small_layers() | dict.fromkeys(CLASSIFIER, extra))
    assert list(read_mat(path).layers) == list(CONV_SHAPES)


def test_failed_write_leaves_nothing(tmp_path: Path, small: VGG19Weights) -> None:
    with pytest.raises(InputError, match="missing"):
        write_mat(tmp_path / "missing" / "net.mat", small)
    with pytest.raises(InputError, match="layout must be one of beta16, beta17"):
        write_mat(tmp_path / "net.mat", small, "beta18")
    assert not list(tmp_path.iterdir())


HDF5 = b"\x89HDF\r\n\x1a\n"


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "but is empty"),
        (b"<html>Not found</html>\n" * 100, "but is another file"),
        (HDF5 + bytes(1000), "is of version 7.3 .* -v7"),
        (b"MATLAB 7.3 MAT-file".ljust(124) + b"\x00\x02IM" + bytes(384) + HDF5, "version 7.3"),
        (b"MATLAB 5.0 MAT-file".ljust(124) + b"\x00\x01IM", "missing layers: conv1_1, conv1_2"),
    ],
    ids=["empty", "text", "hdf5", "matlab73", "no_variables"],
)
def test_other_files_are_refused(tmp_path: Path, content: bytes, message: str) -> None:
    path = tmp_path / "net.mat"
    path.write_bytes(content)
    with pytest.raises(InputError, match=f"net.mat: .*{message}"):
        read_mat(path)


def test_missing_file_and_folder(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"net.mat: there is no such file"):
        read_mat(tmp_path / "net.mat")
    with pytest.raises(InputError, match="but is a folder"):
        read_mat(tmp_path)


def test_truncated_and_damaged_files(tmp_path: Path, small: VGG19Weights) -> None:
    write_mat(tmp_path / "net.mat", small)
    whole = (tmp_path / "net.mat").read_bytes()
    path = tmp_path / "damaged.mat"
    for length in (127, 130, 140, 1000, len(whole) // 2):
        path.write_bytes(whole[:length])
        with pytest.raises(InputError, match=r"damaged.mat: "):
            read_mat(path)
    random = np.random.default_rng(0)
    first_kernel = whole.index(small.layers["conv1_1"][0].tobytes("F"))
    # Up to the first kernel nearly every byte means something; in it, a changed one is just another number.
    for end, least_refused in ((first_kernel, 80), (4000, 10)):
        refused = 0
        for _ in range(100):
            damaged = bytearray(whole)
            for position in random.integers(128, end, 3):
                damaged[position] = random.integers(256)
            path.write_bytes(damaged)
            try:
                read = read_mat(path)
            except InputError as error:
                assert str(error).startswith(str(path))
                refused += 1
            else:
                assert {kernel.shape for kernel, _ in read.layers.values()} == {SMALL_SHAPE}
        assert refused >= least_refused


def test_another_network_lists_missing_and_unexpected_layers(tmp_path: Path) -> None:
    names = [name for name in CONV_SHAPES if not name.endswith("_4")] + ["conv6", "data\x1b[2J"]
    arrays = [np.ones(SMALL_SHAPE), np.ones(64)]
    path = save(tmp_path / "net.mat", dict.fromkeys(names, arrays))
    with pytest.raises(InputError) as error:
        read_mat(path)
    assert str(error.value) == (
        f"{path}: is not VGG-19; missing layers: conv3_4, conv4_4, conv5_4; "
        "unexpected layers: conv6, data\\x1b[2J"
    )


@pytest.mark.parametrize(
    ("arrays", "message"),
    [
        (
            [np.ones((5, 5, 2, 64)), np.ones(64)],
            r"must have a kernel \(3, 3, 2, 64\) and 64 biases",
        ),
        ([np.ones(SMALL_SHAPE), np.ones(5)], r"Received: \(3, 3, 2, 64\) and \(1, 5\)"),
        ([np.ones(SMALL_SHAPE)], r"Received: \(3, 3, 2, 64\)$"),
        ([], "Received: no weights"),
        ([np.full(SMALL_SHAPE, np.nan), np.ones(64)], "holds values that are not finite"),
        ([np.ones(SMALL_SHAPE), np.full(64, -np.inf)], "holds values that are not finite"),
        ([np.full(SMALL_SHAPE, 1e300), np.ones(64)], "holds values that are not finite"),
        ([np.ones(SMALL_SHAPE) * 1j, np.ones(64)], "Received: no real numbers"),
    ],
)
def test_wrong_layer(tmp_path: Path, small: VGG19Weights, arrays: list[np.ndarray], message: str) -> None:
    path = save(tmp_path / "net.mat", small_layers() | {"conv4_2": arrays})
    with pytest.raises(InputError, match=f"layer conv4_2 .*{message}"):
        read_mat(path)


@pytest.mark.parametrize(
    ("meta", "message"),
    [
        ({}, "Received: nothing"),
        ({"normalization": {"averageImage": np.ones((224, 224))}}, r"Received: \(224, 224\)"),
        ({"normalization": {"averageImage": np.full((1, 1, 3), np.nan)}}, r"in 0\.\.255"),
        ({"normalization": {"averageImage": np.full((1, 1, 3), 1e9)}}, r"in 0\.\.255"),
    ],
)
def test_wrong_mean_pixel(tmp_path: Path, small: VGG19Weights, meta: dict, message: str) -> None:
    path = save(tmp_path / "net.mat", small_layers(), meta=meta)
    with pytest.raises(InputError, match=message):
        read_mat(path)
