"""What the training of a stylizer is given besides settings: pictures, folders, and what to keep."""

from dataclasses import dataclass

from nst_keras.errors import InputError
from nst_keras.fields import FROM_ONE, Settings, choice, number, setting
from nst_keras.stylizers.archive import ARBITRARY, ARCHITECTURES

DISTRIBUTIONS = ("none", "mirrored", "multi_worker")


@dataclass(frozen=True)
class StylizerRun(Settings):
    """What a training begins with, where it writes to, and what it leaves."""

    output_dir: str = setting("runs/stylizer", "Folder for the stylizer and what it leaves on the way.")
    init: str = setting(
        "",
        "Stylizer to begin with. Styles that it has stay as they are: only new ones' rows are trained. "
        "(arbitrary: a decoder of the same width, trained further.)",
    )
    vgg: str = setting("", "Weights of the loss network, as --vgg of nst-stylize.")
    preview_every: int = number(250, "Steps between previews; 0: only at the end.")
    log_every: int = number(25, "Steps between rows of log.csv.", FROM_ONE)
    checkpoint_seconds: int = number(120, "Time between checkpoints.", FROM_ONE)
    restart: bool = setting(False, "Replace the training that the folder holds, instead of going on with it.")
    tensorboard: bool = setting(True, "Write TensorBoard's events, in tensorboard/.")


@dataclass(frozen=True)
class StylizerPlan(StylizerRun):
    """The same with where its pictures come from."""

    architecture: str = choice(
        "multi_style", "Of the paintings' own styles, or of any painting (AdaIN)", ARCHITECTURES
    )
    styles: str = setting(
        "",
        "A folder of paintings, or files by commas (or sample:NAME); their names name the styles "
        "(arbitrary: the more the better, also in folders below).",
    )
    photos: str = setting(
        "samples", "A folder of photos, also in folders below it, a tensorflow-datasets name, or samples."
    )
    data_dir: str = setting("", "Where tensorflow-datasets keeps its sets; empty is its own default.")
    most_photos: int = number(2000, "How many photos to use at most.", FROM_ONE)
    most_paintings: int = number(2000, "arbitrary: how many paintings to use at most.", FROM_ONE)
    photo_size: int = number(640, "Longest side at which photos are kept in memory, in pixels.", FROM_ONE)
    preview: str = setting("sample:china,sample:flower", "Photos that are painted as training goes.")
    preview_size: int = number(320, "Longest side of a preview's pictures, in pixels.", FROM_ONE)
    preview_styles: str = setting(
        "sample:stained_glass,sample:strokes",
        "arbitrary: paintings that previews are painted in; empty: the first four that it is trained on.",
    )
    distribute: str = choice(
        "none",
        "Over this machine's devices, or the processes that TF_CONFIG names, which share --output_dir",
        DISTRIBUTIONS,
    )

    def __post_init__(self) -> None:
        """Checks every value."""
        super().__post_init__()
        if not self.styles:
            raise InputError("styles must name at least one painting. Received: nothing")
        for name in ("most_paintings", "preview_styles"):
            if self.architecture != ARBITRARY and getattr(self, name) != getattr(StylizerPlan, name):
                raise InputError(f"{name} must be left out: it is for architecture={ARBITRARY} only")
