"""Exporter: a trained model as a SavedModel that a model server takes, as nst-export writes it."""

import dataclasses
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from nst_keras.classifiers.plan import MODEL
from nst_keras.errors import InputError
from nst_keras.export.plan import MOST_OF_STYLIZERS, STYLIZER, ExportPlan
from nst_keras.fields import Bounds, Settings, choice, number
from nst_keras.served import IMAGE_FORMATS
from nst_keras.stylizers.archive import STYLIZER_FILE
from pipelines.engine.stage import Context, Input, Output, Stage
from pipelines.kinds import Model, ServableModel


@dataclass(frozen=True)
class ExporterConfig(Settings):
    """What a SavedModel takes, and what a stylizer's gives."""

    image_format: str = choice(
        ExportPlan.image_format, "Format of the pictures that a stylizer gives", IMAGE_FORMATS
    )
    max_pixels: int = number(
        ExportPlan.max_pixels,
        f"Most pixels of a picture that is taken; 0: {MOST_OF_STYLIZERS}, 16 Mi for a classifier.",
        Bounds(0),
    )


def export_model(
    config: ExporterConfig, context: Context, *, model: Input[Model], servable: Output[ServableModel]
) -> dict[str, Any]:
    """Writes a SavedModel that takes pixels or encoded pictures, and requests to warm up with."""
    from nst_keras.export.job import export

    target = context.scratch / "saved_model"
    shutil.rmtree(target, ignore_errors=True)  # what a killed run left
    kind, plan = _plan(model.path)
    context.show(f"exporting a {kind}")
    plan = dataclasses.replace(
        plan, output_dir=str(target), image_format=config.image_format, max_pixels=config.max_pixels
    )
    export(plan, context.say)
    for path in sorted(target.iterdir()):
        shutil.move(path, servable.path / path.name)
    target.rmdir()
    size = sum(path.stat().st_size for path in servable.path.rglob("*") if path.is_file())
    return {"kind": kind, "bytes": size}


def _plan(folder: Path) -> tuple[str, ExportPlan]:
    """What a model's folder holds, and how that is named to the exporting job."""
    if (folder / STYLIZER_FILE).exists():
        return "stylizer", ExportPlan(STYLIZER, str(folder / STYLIZER_FILE))
    if (folder / MODEL).exists():
        return "classifier", ExportPlan(str(folder))
    raise InputError(f"{folder}: must hold {MODEL} or {STYLIZER_FILE}, as trainers write them")


Exporter = Stage(export_model, "Exporter")
