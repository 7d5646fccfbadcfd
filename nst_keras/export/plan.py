"""What is exported, and where to; loads no TensorFlow."""

from dataclasses import dataclass

from nst_keras.errors import InputError
from nst_keras.fields import FROM_ONE, POSITIVE, Bounds, Settings, choice, number, setting, with_default
from nst_keras.models.vgg19_layout import NETWORKS
from nst_keras.served import IMAGE_FORMATS
from nst_keras.served.push import DEFAULT_KEEP
from nst_keras.stylizers.architecture import ARCHITECTURES, FETCHED
from nst_keras.stylizers.settings import FastSettings

STYLIZER, STYLE_TRANSFER = "stylizer", "style_transfer"
FORMATS = SAVED_MODEL_FORMAT, ONNX = ("saved_model", "onnx")
MOST_OF_STYLIZERS = ", ".join(f"{row.max_pixels >> 20} Mi for {row.title}" for row in ARCHITECTURES.values())


@dataclass(frozen=True)
class ExportPlan(Settings):
    """Which model becomes a SavedModel, and what it may be asked for."""

    model: str = setting(
        STYLIZER,
        f"{STYLIZER}, {STYLE_TRANSFER} (the optimiser), or a folder of nst-train or nst-finetune.",
        (STYLIZER, STYLE_TRANSFER),
    )
    stylizer: str = setting(
        "",
        "File of nst-train-stylizer; empty is the package's own stylizer; "
        f"{' and '.join(FETCHED)} are fetched at first use.",
        FETCHED,
    )
    serving_dir: str = setting("saved_models", "Where model servers look; the model is pushed there.")
    name: str = setting("", "The model's name there; empty: that of the model, or of its folder.")
    keep: int = number(DEFAULT_KEEP, "Newest versions to leave there; 0: all.")
    output_dir: str = setting("", "Write the model to this new folder, and push nothing.")
    format: str = choice(
        SAVED_MODEL_FORMAT,
        "A SavedModel for model servers, or a stylizer's networks as ONNX files, for output_dir",
        FORMATS,
    )
    image_format: str = choice("png", "Format of the pictures that are given", IMAGE_FORMATS)
    passes: int | None = with_default(FastSettings, "passes", None)
    max_pixels: int = number(
        0,
        f"Most pixels of a picture that is taken; 0: {MOST_OF_STYLIZERS}, 1 Mi for {STYLE_TRANSFER}, and "
        "16 Mi for classifiers.",
        Bounds(0),
    )
    max_pictures: int = number(
        0,
        "Most pictures of a request; 0: 64, or as many as have 4 Mi pixels as a classifier sees them.",
        Bounds(0),
    )
    steps: int = number(150, "style_transfer: steps at the full size, after as many at half of it.", FROM_ONE)
    learning_rate: float = number(10.0, "style_transfer: Adam's first step, on the 0..255 scale.", POSITIVE)
    vgg: str = setting("", "style_transfer: weights of the loss network, as --vgg of nst-stylize.", NETWORKS)

    def __post_init__(self) -> None:
        """Checks every value."""
        super().__post_init__()
        if not self.model:
            raise InputError("model must be named. Received: nothing")
        if self.format == ONNX and not (self.model == STYLIZER and self.output_dir):
            raise InputError(f"format {ONNX} is for the model {STYLIZER}, and needs output_dir")
        if self.passes and (self.model != STYLIZER or self.format == ONNX):
            what = f"format {ONNX}, whose files paint once" if self.format == ONNX else f"model {self.model}"
            raise InputError(f"passes has no effect with {what}. Received: passes={self.passes}")
