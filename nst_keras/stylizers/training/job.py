"""The training of a stylizer, from paintings and photos to one small file."""

from pathlib import Path
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from nst_keras import __version__
from nst_keras.console.progress import sums_by_kind
from nst_keras.pictures.images import write_image
from nst_keras.runs.distribution import worker
from nst_keras.runs.loop import Run, Watcher
from nst_keras.storage.checkpoint import Arrays, Values
from nst_keras.storage.folders import making_folder
from nst_keras.stylizers.architecture import architecture_trained_by
from nst_keras.stylizers.archive import STYLIZER_FILE
from nst_keras.stylizers.by_name import require_architecture
from nst_keras.stylizers.training.photo_batches import PhotoBatches
from nst_keras.stylizers.training.pictures import draw_sheet
from nst_keras.stylizers.training.settings import AveragedSettings, StylizerRun
from nst_keras.stylizers.training.trainee import TrainingPictures

PREVIEWS = "previews"


class StylizerTraining:
    """One training: paintings, photos, network, and everything that is kept of it.

    Its styles are those of `plan.init` first, then new ones; none if the network takes any painting.
    """

    def __init__(
        self,
        settings: AveragedSettings,
        plan: StylizerRun,
        pictures: TrainingPictures,
        strategy: tf.distribute.Strategy | None = None,
    ) -> None:
        self.settings, self.plan = settings, plan
        self.num_photos = len(pictures.photos)
        self._batches = PhotoBatches.of(pictures.photos, settings)
        self._previews = pictures.previews
        self._architecture = architecture_trained_by(settings)
        if plan.init:
            require_architecture(plan.init, self._architecture)
        over = strategy or tf.distribute.get_strategy()
        with making_folder(Path(plan.output_dir)) as self.folder:
            self._trainee = self._architecture.parts().trainee(settings, plan, pictures, over)
        self.styles, self.title = self._trainee.styles, self._trainee.title
        self.trainer = self._trainee.trainer
        # Of the steps since the log's last row.
        self._terms = np.zeros([0, len(self.trainer.term_names)], np.float32)
        self._writes = worker(over)[0] == 0

    def run(self, watcher: Watcher = Watcher()) -> Path | None:
        """Trains to the end or until told to stop, and leaves a checkpoint either way.

        Returns the stylizer's file; None if it was stopped before the end.
        """
        num_steps = self.settings.num_steps
        with Run(
            self,
            self.folder,
            self.plan,
            {"settings": self.settings.to_dict(), **self._trainee.record, "photos": self.num_photos},
            num_steps,
            watcher,
            leaves=(STYLIZER_FILE, PREVIEWS),
            writes=self._writes,
        ) as run:
            for step in run.steps():
                terms = self.trainer.step(self._batches.batch(step), self._trainee.styles_of(step))
                self._terms = np.concatenate([self._terms, terms[np.newaxis]])
                means = dict(zip(self.trainer.term_names, self._terms.mean(axis=0).tolist(), strict=True))
                loss = sum(means.values())
                run.show({"loss": loss, **sums_by_kind(means)})
                if run.step % self.plan.log_every == 0 or run.step == num_steps:
                    run.log({"step": run.step, "loss": loss, **means, "seconds": round(run.seconds, 1)})
                    self._terms = self._terms[:0]
                if self._writes and self._is_preview(run.step):
                    watcher.say(f"preview: {self._preview(run)}")
        if not run.finished:
            return None
        if self._writes:
            self._trainee.write(self.folder / STYLIZER_FILE, self._card(run))
        return self.folder / STYLIZER_FILE

    def state(self) -> tuple[Values, Arrays]:
        """The trainer's state, and the terms of the loss since the log's last row."""
        return {}, {"state": [*self.trainer.state(), self._terms]}

    def set_state(self, values: Values, arrays: Arrays) -> None:
        """Goes back to a state."""
        *own, self._terms = arrays["state"]
        self.trainer.set_state(own)

    def _is_preview(self, step: int) -> bool:
        every = self.plan.preview_every
        return bool(self._previews) and (step == self.settings.num_steps or bool(every and step % every == 0))

    def _preview(self, run: Run) -> Path:
        painted = [self._trainee.paint(photo) for photo in self._previews]
        sheet = draw_sheet(self._previews, self._trainee.shown, painted)
        path = self.folder / PREVIEWS / f"step_{run.step:06d}.png"
        path.parent.mkdir(exist_ok=True)
        write_image(path, sheet)
        run.log_picture("previews", sheet)
        return path

    def _card(self, run: Run) -> dict[str, Any]:
        return {
            "architecture": self._architecture.name,
            **self._trainee.card,
            "settings": self.settings.to_dict(),
            "photos": self.num_photos,
            "seconds": round(run.seconds),
            "losses": {name: value for name, value in run.history[-1].items() if name != "seconds"},
            "versions": {"nst_keras": __version__, "tensorflow": tf.__version__, "keras": keras.__version__},
        }
