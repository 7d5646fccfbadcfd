"""Where the weights of VGG-19 come from: the 8-bit network, an imported one, or a .mat file."""

import io
import os
import zipfile
import zlib
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np

from nst_keras.console.console import say
from nst_keras.errors import InputError, require_choice
from nst_keras.models.vgg19_layout import CONV_SHAPES, IMPORTED, QUANTIZED, STORED, VGG19Weights
from nst_keras.storage.cache import cache_dir, locked
from nst_keras.storage.files import open_file, write_whole
from nst_keras.weights.mat5 import file_md5
from nst_keras.weights.matconvnet import KNOWN_FILES, order_kernels, read_mat
from nst_keras.weights.quantized_vgg19 import QUANTIZED_VGG19, load_quantized_vgg19
from nst_keras.weights.vgg19_fingerprint import LICENCE, difference_from_vgg19

_ZIP_ERRORS = (zipfile.BadZipFile, zlib.error)
_MAT_FILE = "imagenet-vgg-verydeep-19.mat"


def load_vgg19(spec: str = "", kernel_order: str = STORED, note: Callable[[str], None] = say) -> VGG19Weights:
    """Returns the weights of VGG-19.

    Args:
        spec: "" for the imported network if there is one and else the 8-bit one, "8bit",
            "imported", or the path of a .mat file. The 8-bit network is fetched on first use.
        kernel_order: "stored", or "transposed" for the historical slip: see `matconvnet.read_mat`.
        note: Called with a line of text before something is fetched.

    Raises:
        InputError: If the weights cannot be had or read, or `spec` is none of the above.
    """
    source = _source(spec)
    if source == QUANTIZED:
        try:
            weights = load_quantized_vgg19(note)
        except InputError as error:
            remedy = f"get {_MAT_FILE} and run `nst-weights import {_MAT_FILE}`"
            raise InputError(f"{error}. Where the 8-bit VGG-19 cannot be fetched, {remedy}") from error
        return order_kernels(weights, kernel_order)
    return (
        order_kernels(_read_imported(), kernel_order)
        if source == IMPORTED
        else read_mat(source, kernel_order)
    )


def vgg19_digest(spec: str = "") -> str:
    """The digest of the weights that `load_vgg19` gives; fetches and decodes nothing."""
    source = _source(spec)
    if source == QUANTIZED:
        return f"sha256:{QUANTIZED_VGG19.sha256}"
    if source == IMPORTED:
        return _read_imported().digest
    with open_file(source) as file:
        return f"md5:{file_md5(file)}"


def _source(spec: str) -> str:
    """QUANTIZED, IMPORTED, or the path of a .mat file."""
    if spec in ("", QUANTIZED, IMPORTED):
        return spec or (IMPORTED if os.path.exists(imported_path()) else QUANTIZED)
    if not Path(spec).suffix and not os.path.lexists(spec):
        require_choice("vgg", spec, (QUANTIZED, IMPORTED, "the path of a .mat file"))
    return spec


def import_vgg19(path: str | Path, kernel_order: str = STORED) -> VGG19Weights:
    """Keeps the convolutional part of a .mat file in the cache, as the default from then on.

    The file must hold the published VGG-19, known by its hash or by its weights; the order "transposed" sets
    one right that was itself written transposed.
    """
    weights = read_mat(path, kernel_order)
    if weights.digest not in KNOWN_FILES or kernel_order != STORED:
        difference = difference_from_vgg19(weights.layers)
        if difference is not None:
            reason = f"{difference} ({weights.digest}); to use it all the same, name it with --vgg"
            raise InputError(f"{path}: is another network than the published VGG-19: {reason}")
    weights = replace(weights, licence=LICENCE)
    target = imported_path()
    with locked(target):
        write_whole(target, _encode(weights))
    return weights


def imported_path() -> Path:
    """Returns the file in the cache that holds the imported network, if there is one."""
    return cache_dir() / "vgg19-imported.npz"


def vgg19_files(spec: str = "") -> list[Path]:
    """Returns the user's own files that decide what `load_vgg19` gives; the 8-bit network is none."""
    if spec in ("", IMPORTED):
        return [imported_path()] if imported_path().exists() else []
    return [] if spec == QUANTIZED else [Path(spec)]


def _encode(weights: VGG19Weights) -> bytes:
    arrays = {f"{name}.kernel": kernel for name, (kernel, _) in weights.layers.items()}
    arrays |= {f"{name}.bias": bias for name, (_, bias) in weights.layers.items()}
    words = {name: np.array(getattr(weights, name)) for name in ("source", "digest", "licence")}
    buffer = io.BytesIO()
    np.savez(buffer, allow_pickle=False, mean_pixel=weights.mean_pixel, **arrays, **words)
    return buffer.getvalue()


def _read_imported() -> VGG19Weights:
    path = imported_path()
    try:
        # Opened here, since np.load leaves a damaged file open.
        with path.open("rb") as file, np.load(file, allow_pickle=False) as arrays:
            layers = {n: (arrays[f"{n}.kernel"], arrays[f"{n}.bias"]) for n in CONV_SHAPES}
            red, green, blue = map(float, arrays["mean_pixel"])
            words = {name: str(arrays[name]) for name in ("source", "digest", "licence")}
    except FileNotFoundError as error:
        raise InputError(f"{path}: no weights were imported; run `nst-weights import FILE.mat`") from error
    except (OSError, ValueError, KeyError, EOFError, RuntimeError, *_ZIP_ERRORS) as error:
        remedy = "import them again, or remove the file to go back to the 8-bit network"
        raise InputError(f"{path}: the imported weights are damaged ({error}); {remedy}") from error
    if any((k.shape, b.shape) != (CONV_SHAPES[n], k.shape[3:]) for n, (k, b) in layers.items()):
        raise InputError(f"{path}: the imported weights have wrong shapes; import them again")
    return VGG19Weights(layers, (red, green, blue), **words)
