"""Exporter: a trained model as a SavedModel. Importer: a stylizer from outside as a trained model."""

import dataclasses
import json
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from nst_keras.classifiers.plan import MODEL
from nst_keras.errors import InputError
from nst_keras.export.plan import MOST_OF_STYLIZERS, STYLIZER, ExportPlan
from nst_keras.fields import Bounds, Settings, choice, number, setting
from nst_keras.served import IMAGE_FORMATS
from nst_keras.storage.files import write_whole
from nst_keras.stylizers.architecture import FETCHED
from nst_keras.stylizers.archive import STYLIZER_FILE
from nst_keras.stylizers.by_name import architecture_of, load_painter, stylizer_digest
from nst_keras.stylizers.engines.settings import TENSORFLOW
from pipelines.engine.stage import Context, Input, Output, Stage
from pipelines.judging.stylizers import NAME_FILE, stylizer_in
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
    if stylizer := stylizer_in(folder):
        return "stylizer", ExportPlan(STYLIZER, stylizer)
    if (folder / MODEL).exists():
        return "classifier", ExportPlan(str(folder))
    raise InputError(f"{folder}: must hold {MODEL} or {STYLIZER_FILE}, as trainers write them")


Exporter = Stage(export_model, "Exporter")


@dataclass(frozen=True)
class ImporterConfig(Settings):
    """What is imported."""

    stylizer: str = setting("", f"File of a stylizer, or one that is fetched: {', '.join(FETCHED)}.", FETCHED)

    def __post_init__(self) -> None:
        """Checks every value."""
        super().__post_init__()
        if not self.stylizer:
            raise InputError(f"stylizer must be a file, or one of {', '.join(FETCHED)}. Received: nothing")


def import_model(config: ImporterConfig, context: Context, *, model: Output[Model]) -> dict[str, Any]:
    """Copies a stylizer's file, or writes down the name of one that is fetched, with its weights' digest."""
    row = architecture_of(config.stylizer)
    painter = load_painter(config.stylizer, TENSORFLOW)  # fetches it, or says why that can't be
    if row.fetched_digest:
        about = {"stylizer": row.name, "digest": stylizer_digest(config.stylizer)}
        write_whole(model.path / NAME_FILE, json.dumps(about, indent=1).encode() + b"\n")
    else:
        shutil.copyfile(config.stylizer, model.path / STYLIZER_FILE)
    return {"architecture": row.name, "styles": len(painter.styles)}


def _reads(config: ImporterConfig) -> list[Path]:
    return [] if config.stylizer in FETCHED else [Path(config.stylizer)]


Importer = Stage(import_model, "Importer", reads=_reads)
