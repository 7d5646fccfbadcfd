"""Optimisers of a picture: L-BFGS, and Keras's Adam and SGD."""

from collections.abc import Callable, Sequence

import keras
import numpy as np
import tensorflow as tf

from nst_keras.errors import NonFiniteLossError
from nst_keras.ops.laplacian_pyramid import band_gradients, join_bands, split_bands
from nst_keras.pictures.resizing import resize, widened, within
from nst_keras.transfer.lbfgs import ProjectedLBFGS
from nst_keras.transfer.settings import NN, StyleTransferSettings

# Loss, its terms and its gradient for a picture [1, H, W, 3].
Evaluate = Callable[[tf.Tensor], tuple[tf.Tensor, tf.Tensor, tf.Tensor]]
# Gets the picture [H, W, 3], the loss terms and the optimiser's variables after each step; True ends.
OnStep = Callable[[np.ndarray, np.ndarray, Sequence[np.ndarray]], bool]
Slots = Sequence[np.ndarray]

# Numbers of a picture (1536x1536 pixels) above which lbfgs keeps fewer past steps, and then how many.
_LARGE, _LARGE_HISTORY = 3 * 1536**2, 6

# Adam's rate for the bands of a picture is Kolkin et al.'s (arXiv:2203.13215), who count pixels from 0 to 1;
# so do they Adam's epsilon.
_BAND_RATE, _BAND_EPSILON = 255 * 2e-3, 1e-8 / 255


def minimize(
    evaluate: Evaluate,
    image: np.ndarray,
    num_steps: int,
    settings: StyleTransferSettings,
    on_step: OnStep,
    slots: Sequence[np.ndarray] = (),
) -> None:
    """Takes `num_steps` steps within 0..255; lbfgs ends sooner if it finds no lower loss.

    `slots` are the variables of adam or sgd, with method nn also the bands, from an earlier call, to go on
    exactly there.
    """
    if num_steps < 1:
        return
    if settings.method == NN:
        optimizer = keras.optimizers.Adam(_BAND_RATE, epsilon=_BAND_EPSILON)
        _minimize_keras(evaluate, _Bands(image), num_steps, optimizer, on_step, slots)
    elif settings.optimizer == "lbfgs":
        _minimize_lbfgs(evaluate, image, num_steps, settings.history_size, on_step)
    else:
        optimizer = _keras_optimizer(settings)
        picture = _Averaged(image, settings.ema) if settings.ema else _Pixels(image)
        _minimize_keras(evaluate, picture, num_steps, optimizer, on_step, slots)


def slots_for(image: np.ndarray, slots: Sequence[np.ndarray], settings: StyleTransferSettings) -> Slots:
    """What is kept of a smaller picture's variables when `image` begins at the next size."""
    if not settings.ema or not slots:
        return ()
    _picture, steps, *variables = slots
    moments = (_enlarged(slot, image.shape, settings.margin) for slot in variables)
    return [image[np.newaxis], np.zeros_like(steps), *moments]


def _enlarged(slot: np.ndarray, shape: Sequence[int], margin: int) -> np.ndarray:
    """A moment of each pixel at another size; squares stay squares. Others are left as they are."""
    if slot.ndim < len(shape):
        return slot
    least = 0 if slot.min() >= 0 else -np.inf
    height, width = (side - 2 * margin for side in shape[:2])
    inner = np.maximum(resize(within(slot[0], margin), height, width), least)
    return widened(inner, margin)[np.newaxis]


def kept_steps(history_size: int, numbers: int) -> int:
    """How many past steps lbfgs keeps of a picture of so many numbers."""
    return min(history_size, _LARGE_HISTORY) if numbers > _LARGE else history_size


def _minimize_lbfgs(
    evaluate: Evaluate, image: np.ndarray, num_steps: int, history_size: int, on_step: OnStep
) -> None:
    terms = np.empty(0)

    def loss_and_gradient(flat: np.ndarray) -> tuple[float, np.ndarray]:
        nonlocal terms
        candidate = tf.constant(flat.reshape(1, *image.shape))
        loss, terms, gradient = (part.numpy() for part in evaluate(candidate))
        _require_finite(loss, gradient)
        return float(loss), gradient.ravel()

    kept = kept_steps(history_size, image.size)
    search = ProjectedLBFGS(loss_and_gradient, image.ravel(), (0.0, 255.0), kept)
    for _ in range(num_steps):
        if not search.step() or on_step(search.position.reshape(image.shape), terms, ()):
            return


class _Pixels:
    """A picture whose pixels are optimised."""

    kept: Sequence[keras.Variable] = ()  # what of it is kept to go on from, besides the picture

    def __init__(self, image: np.ndarray) -> None:
        self.variables = [keras.Variable(image[np.newaxis])]

    def image(self) -> tf.Tensor:
        return self.variables[0].value

    def gradients(self, gradient: tf.Tensor) -> list[tf.Tensor]:
        return [gradient]

    def after_step(self) -> None:
        self.variables[0].assign(tf.clip_by_value(self.image(), 0.0, 255.0))

    def shown(self) -> tf.Tensor:
        return self.image()


class _Averaged(_Pixels):
    """One whose moving average is shown; the first steps count no less than the last."""

    def __init__(self, image: np.ndarray, decay: float) -> None:
        super().__init__(image)
        self._average, self._decay, self._steps = tf.constant(image[np.newaxis]), decay, keras.Variable(0.0)
        self.kept = [*self.variables, self._steps]

    def after_step(self) -> None:
        super().after_step()
        self._steps.assign_add(1.0)
        share = (1 - self._decay) / (1 - self._decay**self._steps.value)
        self._average += share * (self.image() - self._average)

    def shown(self) -> tf.Tensor:
        return self._average


class _Bands(_Pixels):
    """A picture whose bands of detail are optimised; between steps it may leave 0..255."""

    def __init__(self, image: np.ndarray) -> None:
        self.variables = self.kept = [
            keras.Variable(band) for band in split_bands(tf.constant(image[np.newaxis]))
        ]

    def image(self) -> tf.Tensor:
        return join_bands(self._values())

    def gradients(self, gradient: tf.Tensor) -> list[tf.Tensor]:
        return band_gradients(self._values(), gradient)

    def after_step(self) -> None:
        pass

    def _values(self) -> list[tf.Tensor]:
        return [variable.value for variable in self.variables]


def _minimize_keras(
    evaluate: Evaluate,
    picture: _Pixels,
    num_steps: int,
    optimizer: keras.optimizers.Optimizer,
    on_step: OnStep,
    slots: Sequence[np.ndarray],
) -> None:
    optimizer.build(picture.variables)
    kept = [*picture.kept, *optimizer.variables]
    for slot, value in zip(kept, slots, strict=False):
        slot.assign(value)
    for _ in range(num_steps):
        loss, terms, gradient = evaluate(picture.image())
        _require_finite(loss.numpy(), gradient.numpy())
        optimizer.apply(picture.gradients(gradient))
        picture.after_step()
        image = np.clip(picture.shown().numpy()[0], 0, 255)
        if on_step(image, terms.numpy(), [slot.numpy() for slot in kept]):
            return


def _keras_optimizer(settings: StyleTransferSettings) -> keras.optimizers.Optimizer:
    if settings.optimizer == "sgd":
        return keras.optimizers.SGD(settings.learning_rate, momentum=settings.momentum)
    return keras.optimizers.Adam(
        settings.learning_rate, beta_1=settings.beta_1, beta_2=settings.beta_2, epsilon=settings.epsilon
    )


def _require_finite(loss: np.ndarray, gradient: np.ndarray) -> None:
    if not (np.isfinite(loss) and np.isfinite(gradient).all()):
        raise NonFiniteLossError(f"the loss is no longer finite. Received: loss={float(loss)}")
