"""StylizerTrainer: a feed-forward stylizer from a collection of photos and paintings.

The names of the paintings name the styles, if the architecture names any.
"""

import dataclasses
import itertools
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from nst_keras.fields import FROM_ONE, incidental, number, setting, with_default
from nst_keras.stylizers.architecture import ARCHITECTURES
from nst_keras.stylizers.archive import SHIPPED, STYLIZER_FILE, read_archive, write_archive
from nst_keras.stylizers.training.plan import SettingsOfAny, StylizerPlan, settings_for
from nst_keras.stylizers.training.settings import AveragedSettings, StylizerRun
from pipelines.engine.stage import Context, Input, Output, Stage, Stopped
from pipelines.examples.collection import PAINTINGS, PHOTOS, no_pictures
from pipelines.examples.files import read_pictures
from pipelines.examples.parts import read_table, write_table
from pipelines.kinds import Examples, Model

if TYPE_CHECKING:
    from nst_keras.stylizers.training.trainee import TrainingPictures

SHIPPED_STYLIZER = "shipped"  # what `init` says for the stylizer that comes with the package


@dataclass(frozen=True)
class StylizerTrainerConfig(SettingsOfAny):
    """How to train, what to begin with, and what to leave; None is the architecture's own default."""

    architecture: str = with_default(StylizerPlan, "architecture", StylizerPlan.architecture)
    init: str = setting(
        "",
        f"Stylizer to begin with: a file, or {SHIPPED_STYLIZER} for the package's own. Styles that it has "
        "stay as they are: only new ones' rows are trained.",
    )
    vgg: str = setting(StylizerRun.vgg, "Weights of the loss network, as --vgg of nst-stylize.")
    log_every: int = incidental(number(StylizerRun.log_every, "Steps between rows of log.csv.", FROM_ONE))
    checkpoint_seconds: int = incidental(
        number(StylizerRun.checkpoint_seconds, "Time between checkpoints.", FROM_ONE)
    )
    num_previews: int = number(2, "Photos that the picture of the finished training shows.")
    preview_size: int = number(320, "Longest side of the pictures in it, in pixels.", FROM_ONE)

    def __post_init__(self) -> None:
        super().__post_init__()
        _ = self.settings

    @property
    def settings(self) -> AveragedSettings:
        """What makes the stylizer, without the rest."""
        names = [field.name for field in dataclasses.fields(SettingsOfAny)]
        return settings_for(self.architecture, {name: getattr(self, name) for name in names})

    @property
    def init_path(self) -> str:
        """Where the stylizer to begin with lies, or ""."""
        return str(SHIPPED) if self.init == SHIPPED_STYLIZER else self.init


def train(
    config: StylizerTrainerConfig, context: Context, *, examples: Input[Examples], model: Output[Model]
) -> dict[str, Any]:
    """Trains a stylizer, or goes on where the same training was stopped.

    Writes `stylizer.npz`; `log.csv`, the losses on the way; and `previews.png`, photos in all styles.
    """
    from nst_keras.runs.loop import Watcher
    from nst_keras.stylizers.training.job import StylizerTraining

    plan = StylizerRun(
        str(context.scratch),
        init=config.init_path,
        vgg=config.vgg,
        preview_every=0,
        log_every=config.log_every,
        checkpoint_seconds=config.checkpoint_seconds,
        tensorboard=False,
    )
    training = StylizerTraining(config.settings, plan, _read_pictures(config, examples))
    context.say(f"{training.title}: {training.num_photos} photos")
    trained = training.run(Watcher(context.show, context.say, context.should_stop))
    if trained is None:
        raise Stopped
    card = _keep(trained, model.path)
    return {
        "steps": config.settings.num_steps,
        "styles": list(training.styles),
        "photos": training.num_photos,
        **card["losses"],
    }


def _read_pictures(config: StylizerTrainerConfig, examples: Examples) -> "TrainingPictures":
    from nst_keras.stylizers.training.pictures import fitted, pictures_for_any
    from nst_keras.stylizers.training.trainee import TrainingPictures

    paintings = dict(read_pictures(examples, PAINTINGS))
    photos = [photo for _, photo in read_pictures(examples, PHOTOS)]
    for split, pictures in ((PAINTINGS, paintings), (PHOTOS, photos)):
        if not pictures:
            raise no_pictures(examples, split)

    def small(picture: np.ndarray, longest_side: int) -> np.ndarray:
        return fitted(picture.astype("float32"), longest_side)

    size = config.settings.style_size
    previews = [small(photo, config.preview_size) for photo in itertools.islice(photos, config.num_previews)]
    if ARCHITECTURES[config.architecture].named_styles:
        named = {name: small(painting, size) for name, painting in paintings.items()}
        return TrainingPictures(named, photos, previews)
    smaller = {
        name: small(painting, min(size, max(painting.shape))).astype("uint8")
        for name, painting in paintings.items()
    }
    return pictures_for_any(smaller, photos, previews)


def _keep(trained: Path, folder: Path) -> dict[str, Any]:
    """Writes what is kept of a training, without the times it took; returns the stylizer's card."""
    from nst_keras.runs.plan import LOG
    from nst_keras.stylizers.training.job import PREVIEWS

    header, weights = read_archive(trained)
    card: dict[str, Any] = {name: value for name, value in header["card"].items() if name != "seconds"}
    write_archive(folder / STYLIZER_FILE, header | {"card": card}, weights)
    rows = read_table(trained.parent / LOG)
    write_table(folder / LOG, [name for name in rows[0] if name != "seconds"], rows)
    previews = sorted((trained.parent / PREVIEWS).glob("*.png"))
    if previews:
        shutil.copyfile(previews[-1], folder / f"{PREVIEWS}.png")
    return card


def _files(config: StylizerTrainerConfig) -> list[Path]:
    """The stylizer to begin with, and weights that the user has."""
    from nst_keras.weights.vgg19 import vgg19_files

    return [*([Path(config.init_path)] if config.init else []), *vgg19_files(config.vgg)]


StylizerTrainer = Stage(train, "StylizerTrainer", reads=_files)
