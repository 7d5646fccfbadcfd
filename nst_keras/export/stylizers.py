"""Both kinds of stylizers as SavedModels, with requests to warm them up."""

import io
from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np
from PIL import Image

from nst_keras import __version__
from nst_keras.export.plan import ExportPlan
from nst_keras.models.arbitrary_style import assemble, build_encoder
from nst_keras.stylizers.arbitrary.file import load_encoder, read_arbitrary_stylizer
from nst_keras.stylizers.arbitrary.served import export_arbitrary_stylizer
from nst_keras.stylizers.archive import ARBITRARY, MULTI_STYLE, read_architecture
from nst_keras.stylizers.multi_style.file import load_stylizer
from nst_keras.stylizers.multi_style.served import export_stylizer

WARMUP_SIDE = 64  # pixels
_MAX_PIXELS = {MULTI_STYLE: 2**24, ARBITRARY: 2**22}

Request = tuple[str, Mapping[str, np.ndarray]]


def export_stylizer_file(plan: ExportPlan, target: Path, note: Callable[[str], None]) -> list[Request]:
    """Writes the SavedModel of the stylizer that a plan names.

    Args:
        plan: What to export.
        target: Must not exist.
        note: Called with a line of text about weights that are fetched, or are not those of the training.

    Returns:
        Requests to warm it up, by signature.

    Raises:
        InputError: If the stylizer, or VGG-19 for it, can't be read.
    """
    architecture = read_architecture(plan.stylizer)
    max_pixels = plan.max_pixels or _MAX_PIXELS[architecture]
    if architecture == ARBITRARY:
        return _export_arbitrary(plan, target, max_pixels, note)
    stylizer = load_stylizer(plan.stylizer)
    export_stylizer(
        stylizer.model,
        target,
        styles=stylizer.styles,
        card={**stylizer.card, "weights": stylizer.digest, "program": f"nst_keras {__version__}"},
        image_format=plan.image_format,
        max_pixels=max_pixels,
    )
    weights = {"style_weights": np.eye(len(stylizer.styles), dtype=np.float32)[:1]}
    return _requests(weights, weights)


def _export_arbitrary(
    plan: ExportPlan, target: Path, max_pixels: int, note: Callable[[str], None]
) -> list[Request]:
    stylizer = read_arbitrary_stylizer(plan.stylizer)
    encoder = load_encoder(stylizer, note)
    export_arbitrary_stylizer(
        # Winograd's filters would be saved too, several times as large.
        assemble(build_encoder(encoder, convolution="direct"), stylizer.decoder),
        target,
        style_size=stylizer.style_size,
        card={**stylizer.card, "weights": stylizer.digest(encoder), "program": f"nst_keras {__version__}"},
        image_format=plan.image_format,
        max_pixels=max_pixels,
    )
    files = np.array([gray_png()], object)
    return _requests({"style_image": _gray_pixels()}, {"style_image_bytes": files})


def gray_png() -> bytes:
    """A small picture file to warm a model up with."""
    buffer = io.BytesIO()
    Image.new("RGB", (WARMUP_SIDE, WARMUP_SIDE), "gray").save(buffer, "PNG")
    return buffer.getvalue()


def _gray_pixels() -> np.ndarray:
    return np.full([1, WARMUP_SIDE, WARMUP_SIDE, 3], 127.5, np.float32)


def _requests(for_pixels: Mapping[str, np.ndarray], for_files: Mapping[str, np.ndarray]) -> list[Request]:
    """One for each way to send a photo, with what says in which style it is painted."""
    strength = {"strength": np.ones(1, np.float32)}
    files = {"image_bytes": np.array([gray_png()], object), "longest_side": np.zeros(1, np.int32)}
    return [
        ("serving_default", {"image": _gray_pixels(), **strength, **for_pixels}),
        ("serve_image_bytes", {**files, **strength, **for_files}),
    ]
