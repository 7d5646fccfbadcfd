"""Training of the decoder of an arbitrary-style network, with a painting for each photo."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from nst_keras.losses.settings import CONTENT, STYLE, LossSettings
from nst_keras.losses.terms import WeightedTerms
from nst_keras.models.arbitrary_style import (
    CODE_LAYER,
    STYLE_LAYERS,
    assemble,
    build_decoder,
    build_encoder,
    style_statistics,
)
from nst_keras.models.vgg19_layout import VGG19Weights
from nst_keras.ops.instance_statistics import instance_statistics, renormalize
from nst_keras.stylizers.arbitrary.file import (
    ArbitraryStylizer,
    read_arbitrary_stylizer,
    write_arbitrary_stylizer,
)
from nst_keras.stylizers.arbitrary.settings import ArbitraryStyleSettings
from nst_keras.stylizers.training.photo_batches import PhotoBatches
from nst_keras.stylizers.training.settings import StylizerRun
from nst_keras.stylizers.training.trainee import Trainee, TrainingPictures, read_initial
from nst_keras.stylizers.training.trainer import AveragedTrainer
from nst_keras.weights.vgg19 import load_vgg19


class ArbitraryStyleTrainer(AveragedTrainer):
    """The decoder with its loss (Huang & Belongie 2017, section 5), optimiser, average and compiled step.

    The content loss is how far relu4_1 of the picture is from the normalised features that it was decoded
    from; the style loss, how far means and deviations of four layers are from the painting's. Each picture's
    is divided by the mean square of its target, which the paper doesn't do.

    `step` takes photos and a painting for each, float32 [batch, h, w, 3] on 0..255. A decoder `initial`, of
    the same width, is begun with instead of a random one.
    """

    settings: ArbitraryStyleSettings

    def __init__(
        self,
        weights: VGG19Weights,
        settings: ArbitraryStyleSettings,
        *,
        strategy: tf.distribute.Strategy | None = None,
        initial: keras.Model | None = None,
    ) -> None:
        keras.utils.set_random_seed(settings.seed)
        with (strategy or tf.distribute.get_strategy()).scope():
            self._encoder, decoder = build_encoder(weights), build_decoder(width=settings.width)
            if initial:
                decoder.set_weights(initial.get_weights())
        rate = keras.optimizers.schedules.InverseTimeDecay(settings.learning_rate, 1, settings.decay)
        super().__init__(decoder, settings, [(rate, decoder.trainable_variables)], strategy=strategy)
        self.network = assemble(self._encoder, self.average)
        losses = LossSettings(
            **settings.weights(),
            content_layers={CODE_LAYER: 1.0},
            style_layers=dict.fromkeys(STYLE_LAYERS, 1 / len(STYLE_LAYERS)),
            style_loss="mean_std",
        )
        self._loss = WeightedTerms(losses)

    @property
    def term_names(self) -> tuple[str, ...]:
        """Names of the loss's terms, in the order in which `step` returns them."""
        # Content is compared on one layer only, which logs don't name.
        return tuple("content" if name.startswith("content/") else name for name in self._loss.names)

    def _terms(self, contents: tf.Tensor, styles: tf.Tensor) -> tf.Tensor:
        features = self._encoder(styles)
        code = renormalize(self._encoder(contents)[CODE_LAYER], *instance_statistics(features[CODE_LAYER]))
        pictures = self.model(code, training=True)
        targets = self._loss.targets(STYLE, features) | self._loss.targets(CONTENT, {CODE_LAYER: code})
        terms = tf.stack(list(self._loss(pictures, self._encoder(pictures), targets).values()))
        # On CPUs ReLU makes 0 of NaN, so that the losses wouldn't tell of it.
        return terms + 0.0 * tf.reduce_mean(pictures)

    def stylize(
        self,
        image: np.ndarray,
        paintings: Sequence[np.ndarray],
        blend: Sequence[float] = (),
        strength: float = 1,
    ) -> np.ndarray:
        """A picture float32 [h, w, 3] in the style of one or more paintings, by the averaged weights."""
        mean, deviation = style_statistics(self._encoder, paintings, blend)
        amount = tf.fill([1, 1, 1, 1], float(strength))
        inputs = {"image": tf.constant(image[np.newaxis], tf.float32), "mean": mean, "deviation": deviation}
        return np.asarray(self.network({**inputs, "strength": amount}, training=False)[0])


def trainee(
    settings: ArbitraryStyleSettings,
    run: StylizerRun,
    pictures: TrainingPictures,
    strategy: tf.distribute.Strategy,
) -> Trainee:
    """A decoder that sees the next painting with each photo."""
    initial: ArbitraryStylizer | None = read_initial(read_arbitrary_stylizer, run, settings.width)
    paintings, shown = list(pictures.paintings.values()), pictures.preview_paintings
    weights = load_vgg19(run.vgg)
    encoder = {"source": weights.source, "digest": weights.digest, "licence": weights.licence}
    batches = PhotoBatches.of(paintings, settings, seed=1)
    decoder = initial.decoder if initial else None
    trainer = ArbitraryStyleTrainer(weights, settings, strategy=strategy, initial=decoder)

    def paint(photo: np.ndarray) -> list[np.ndarray]:
        return [trainer.stylize(photo, [painting]) for painting in shown.values()]

    def write(path: Path, card: Mapping[str, Any]) -> None:
        sizes = settings.width, settings.style_size
        write_arbitrary_stylizer(path, ArbitraryStylizer(trainer.average, *sizes, weights.digest, card))

    return Trainee(
        trainer,
        f"any style, of {len(paintings)} paintings",
        shown,
        batches.batch,
        paint,
        write,
        record={"paintings": len(paintings), "encoder": weights.digest},
        card={"paintings": len(paintings), "encoder": encoder},
    )
