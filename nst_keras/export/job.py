"""From a trained model to a SavedModel, pushed where a model server looks."""

import json
import shutil
import tempfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf
from tensorflow.core.protobuf.saved_model_pb2 import SavedModel

from nst_keras import __version__
from nst_keras.classifiers.plan import REPORT, SAVED_MODEL
from nst_keras.classifiers.served import export_classifier
from nst_keras.classifiers.trained import load_classifier
from nst_keras.errors import InputError, did_you_mean
from nst_keras.export.onnx import export_onnx
from nst_keras.export.plan import ONNX, STYLE_TRANSFER, STYLIZER, ExportPlan
from nst_keras.served.module import GRAY_PNG
from nst_keras.served.picture_checks import MAX_PICTURES
from nst_keras.served.push import push
from nst_keras.serving.extra import missing_packages
from nst_keras.storage.files import write_whole
from nst_keras.storage.folders import making_folder, replacing_folder
from nst_keras.stylizers.by_name import architecture_of
from nst_keras.stylizers.served import export_stylizer
from nst_keras.transfer.objective import Objective
from nst_keras.transfer.served import export_style_transfer
from nst_keras.transfer.settings import StyleTransferSettings
from nst_keras.weights.vgg19 import load_vgg19

SIGNATURES_FILE = Path("assets.extra", "signature.json")
_MAX_PIXELS = 2**20  # of the optimiser's pictures


def export(plan: ExportPlan, note: Callable[[str], None] = lambda text: None) -> Path:
    """Writes a model and pushes it, unless the plan names a folder for it alone; returns its folder.

    `note` is called with a line of text about what is left out.

    Raises:
        InputError: If the model can't be read, or the SavedModel not be written.
    """
    name = plan.name or Path(plan.model.rstrip("/")).name
    target = Path(plan.output_dir)
    if plan.output_dir:
        if target.exists():
            raise InputError(f"output_dir: {target}: exists already")
        with making_folder(target.parent, "output_dir"), replacing_folder(target) as saved:
            if plan.format == ONNX:
                export_onnx(plan.stylizer, saved, note)
            else:
                _export(plan, saved, note)
        return target
    with tempfile.TemporaryDirectory(prefix="nst_keras-") as folder:
        saved = Path(folder, "saved_model")
        _export(plan, saved, note)
        return push(saved, plan.serving_dir, name, keep=plan.keep)


def _export(plan: ExportPlan, target: Path, note: Callable[[str], None]) -> None:
    if plan.model == STYLIZER:
        _export_stylizer(plan, target, note)
    elif plan.model == STYLE_TRANSFER:
        _export_style_transfer(plan, target)
    elif (Path(plan.model) / SAVED_MODEL).is_dir() and not (Path(plan.model) / REPORT).exists():
        shutil.copytree(Path(plan.model) / SAVED_MODEL, target)
    else:
        _export_classifier(plan, target, note)
    _write_signatures(target)


def _export_stylizer(plan: ExportPlan, target: Path, note: Callable[[str], None]) -> None:
    architecture = architecture_of(plan.stylizer)
    served = architecture.parts().serve(plan.stylizer, note, plan.passes)
    served = replace(served, card={**served.card, "program": f"nst_keras {__version__}"})
    max_pixels = plan.max_pixels or architecture.max_pixels
    requests = export_stylizer(
        served,
        target,
        image_format=plan.image_format,
        max_pixels=max_pixels,
        max_pictures=plan.max_pictures or MAX_PICTURES,
    )
    _write_warmup(target, requests, note)


def _export_style_transfer(plan: ExportPlan, target: Path) -> None:
    weights = load_vgg19(plan.vgg)
    settings = StyleTransferSettings()
    export_style_transfer(
        # Winograd's filters would be saved too, several times as large.
        Objective(weights, settings, convolution="direct"),
        target,
        card={
            "program": f"nst_keras {__version__}",
            "settings": settings.to_dict(),
            "vgg": {"source": weights.source, "digest": weights.digest, "licence": weights.licence},
        },
        steps=(plan.steps, plan.steps),
        learning_rate=plan.learning_rate,
        margin=settings.margin,
        image_format=plan.image_format,
        max_pixels=plan.max_pixels or _MAX_PIXELS,
        max_pictures=plan.max_pictures or MAX_PICTURES,
    )


def _export_classifier(plan: ExportPlan, target: Path, note: Callable[[str], None]) -> None:
    folder = Path(plan.model)
    try:
        trained = load_classifier(folder)
    except InputError as error:
        raise InputError(
            f"model: {folder}: must be {STYLIZER}, {STYLE_TRANSFER} or the folder of a finished training "
            f"({error}){did_you_mean(str(folder), (STYLIZER, STYLE_TRANSFER))}"
        ) from error
    height, width, channels = trained.image_shape
    export_classifier(
        trained.model,
        target,
        class_names=trained.class_names,
        image_size=(height, width),
        temperature=trained.temperature,
        card=trained.card,
        max_pixels=plan.max_pixels,
        max_pictures=plan.max_pictures,
    )
    requests = {
        "serving_default": {"image": np.full([1, height, width, channels], 127.5, np.float32)},
        "serve_image_bytes": {"image_bytes": np.array([GRAY_PNG], object)},
    }
    _write_warmup(target, list(requests.items()), note)


def _write_warmup(target: Path, requests: list[Any], note: Callable[[str], None]) -> None:
    if problem := missing_packages():
        note(f"no warm-up requests are written: {problem}")
        return
    from nst_keras.serving.server.compute.warmup import write_warmup

    write_warmup(target, requests)


def _write_signatures(saved: Path) -> None:
    """Writes what the signatures take and give, for readers without TensorFlow."""
    model = SavedModel.FromString((saved / "saved_model.pb").read_bytes())
    described = {
        name: {
            "inputs": {key: _spec(tensor) for key, tensor in signature.inputs.items()},
            "outputs": {key: _spec(tensor) for key, tensor in signature.outputs.items()},
        }
        for name, signature in model.meta_graphs[0].signature_def.items()
        if signature.method_name
    }
    path = saved / SIGNATURES_FILE
    path.parent.mkdir(exist_ok=True)
    write_whole(path, json.dumps(described, indent=1, sort_keys=True).encode() + b"\n")


def _spec(tensor: Any) -> dict[str, Any]:
    shape = tf.TensorShape(tensor.tensor_shape)
    return {
        "dtype": tf.as_dtype(tensor.dtype).name,
        "shape": shape.as_list() if shape.rank is not None else None,
    }
