"""Training of feed-forward stylizers of several styles: network, loss, and the order of the styles."""

from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from nst_keras.errors import InputError
from nst_keras.losses.settings import LossSettings
from nst_keras.models.multi_style import multi_style
from nst_keras.runs.learning_rate import warm_cosine
from nst_keras.stylizers.multi_style.file import MultiStyleStylizer, read_stylizer, write_stylizer
from nst_keras.stylizers.multi_style.settings import StylizerSettings
from nst_keras.stylizers.training.perceptual_loss import PerceptualLoss
from nst_keras.stylizers.training.settings import StylizerRun
from nst_keras.stylizers.training.trainee import Trainee, TrainingPictures, read_initial
from nst_keras.stylizers.training.trainer import AveragedTrainer
from nst_keras.weights.vgg19 import load_vgg19


class StylizerTrainer(AveragedTrainer):
    """A stylizer with its loss, optimisers, average of weights and compiled step.

    The model is made within the strategy's scope if there is one; the loss has a target for each style. With
    `first_trained_style` above 0, only the scales and offsets of the styles from this one on are trained, and
    all other weights stay what they are.
    """

    def __init__(
        self,
        model: keras.Model,
        loss: PerceptualLoss,
        settings: StylizerSettings,
        *,
        strategy: tf.distribute.Strategy | None = None,
        first_trained_style: int = 0,
    ) -> None:
        styles: list[Any] = []
        network: list[Any] = []
        for variable in model.trainable_variables:
            (styles if variable.name in ("gamma", "beta") else network).append(variable)
        course = partial(warm_cosine, num_steps=settings.num_steps, warmup=settings.warmup)
        groups = [(course(settings.learning_rate * settings.style_rate), styles)]
        if not first_trained_style:
            groups.append((course(settings.learning_rate), network))
        super().__init__(model, settings, groups, strategy=strategy)
        self.loss, self._first_style = loss, first_trained_style

    @property
    def num_styles(self) -> int:
        """Styles of the model."""
        return int(self.model.input["style_weights"].shape[-1])

    @property
    def term_names(self) -> tuple[str, ...]:
        """Names of the loss's terms, in the order in which `step` returns them."""
        return self.loss.terms.names

    def style_weights(self, step: int) -> np.ndarray:
        """The styles of a batch, one-hot [batch, num_styles]: each as often as any other."""
        count = self.num_styles - self._first_style
        first = step * self.settings.batch_size
        chosen = self._first_style + np.arange(first, first + self.settings.batch_size) % count
        return np.eye(self.num_styles, dtype=np.float32)[chosen]

    def _terms(self, contents: tf.Tensor, styles: tf.Tensor) -> tf.Tensor:
        images = self.model({"image": contents, "style_weights": styles}, training=True)
        return tf.stack(list(self.loss(images, contents, styles).values()))

    def stylize(self, image: np.ndarray, style: int) -> np.ndarray:
        """A picture float32 [h, w, 3] in a style, by the averaged weights."""
        weights = np.eye(self.num_styles, dtype=np.float32)[style : style + 1]
        return self._stylize(tf.constant(image[np.newaxis]), tf.constant(weights))[0].numpy()

    @tf.function(input_signature=[tf.TensorSpec([1, None, None, 3]), tf.TensorSpec([1, None])])
    def _stylize(self, image: tf.Tensor, weights: tf.Tensor) -> tf.Tensor:
        weights = tf.ensure_shape(weights, [1, self.num_styles])
        return self.average({"image": image, "style_weights": weights}, training=False)


def trainee(
    settings: StylizerSettings, run: StylizerRun, pictures: TrainingPictures, strategy: tf.distribute.Strategy
) -> Trainee:
    """A network with a row of scales and offsets for each style: those of `run.init` first, then new ones."""
    paintings = pictures.paintings
    initial: MultiStyleStylizer | None = read_initial(read_stylizer, run, settings.width)
    known = initial.styles if initial else ()
    styles = (*known, *(name for name in paintings if name not in known))
    missing = [name for name in known if name not in paintings]
    has_new = len(styles) > len(known)
    if missing and not has_new:
        raise InputError(f"styles must have the paintings of {run.init}, or new ones. Missing: {missing}")
    # Of a style that is only kept no painting is needed.
    blank = np.full([settings.style_size // 4, settings.style_size // 4, 3], 127.5, np.float32)
    shown = {name: paintings.get(name, blank) for name in styles}
    keras.utils.set_random_seed(settings.seed)
    with strategy.scope():
        model = multi_style(len(styles), width=settings.width)
        if initial:
            _copy_weights(initial.model, model)
    loss = PerceptualLoss(load_vgg19(run.vgg), LossSettings(**settings.weights()), list(shown.values()))
    first = len(known) if has_new else 0
    trainer = StylizerTrainer(model, loss, settings, strategy=strategy, first_trained_style=first)

    def paint(photo: np.ndarray) -> list[np.ndarray]:
        return [trainer.stylize(photo, number) for number in range(len(styles))]

    def write(path: Path, card: Mapping[str, Any]) -> None:
        write_stylizer(path, MultiStyleStylizer(trainer.average, styles, settings.width, card))

    record = {"styles": list(styles)}
    title = ", ".join(styles)
    return Trainee(trainer, title, shown, trainer.style_weights, paint, write, record, styles=styles)


def _copy_weights(source: keras.Model, target: keras.Model) -> None:
    """Into a network that may have more styles; new ones begin as the mean of the old ones."""
    for old, new in zip(source.weights, target.weights, strict=True):
        array = np.asarray(old)
        if new.name in ("gamma", "beta"):
            added = np.repeat(array.mean(axis=0, keepdims=True), new.shape[0] - len(array), axis=0)
            array = np.concatenate([array, added])
        new.assign(array)
