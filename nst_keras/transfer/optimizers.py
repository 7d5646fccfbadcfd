"""Optimisers of a picture: SciPy's L-BFGS-B, and Keras's Adam and SGD."""

from collections.abc import Callable, Sequence

import keras
import numpy as np
import scipy.optimize
import tensorflow as tf

from nst_keras.errors import NonFiniteLossError
from nst_keras.transfer.lbfgs import ProjectedLBFGS
from nst_keras.transfer.settings import StyleTransferSettings

# Loss, its terms and its gradient for a picture [1, H, W, 3].
Evaluate = Callable[[tf.Tensor], tuple[tf.Tensor, tf.Tensor, tf.Tensor]]
# Gets the picture [H, W, 3], the loss terms and the optimiser's variables after each step; True ends.
OnStep = Callable[[np.ndarray, np.ndarray, Sequence[np.ndarray]], bool]

# Numbers of a picture (1536x1536 pixels) above which past steps are kept in float16, and then how many.
LARGEST_FOR_SCIPY, LARGE_HISTORY = 3 * 1536**2, 6

# SciPy's stopping rules and first step assume a loss of about this size.
_SCIPY_LOSS = 1000.0


def minimize(
    evaluate: Evaluate,
    image: np.ndarray,
    num_steps: int,
    settings: StyleTransferSettings,
    on_step: OnStep,
    slots: Sequence[np.ndarray] = (),
) -> None:
    """Takes `num_steps` steps within 0..255; lbfgs ends sooner if it finds no lower loss.

    `slots` are the variables of adam or sgd from an earlier call, to go on exactly there.
    """
    if num_steps < 1:
        return
    if settings.optimizer == "lbfgs" and image.size > LARGEST_FOR_SCIPY:
        _minimize_large(evaluate, image, num_steps, settings.history_size, on_step)
    elif settings.optimizer == "lbfgs":
        _minimize_lbfgs(evaluate, image, num_steps, settings.history_size, on_step)
    else:
        _minimize_keras(evaluate, image, num_steps, settings, on_step, slots)


def _minimize_lbfgs(
    evaluate: Evaluate, image: np.ndarray, num_steps: int, history_size: int, on_step: OnStep
) -> None:
    """Runs SciPy until all steps are taken; it starts anew where its line search gave up."""
    run = _LbfgsRun(evaluate, image, on_step)
    while run.steps < num_steps and not run.stopped:
        before = run.steps
        scipy.optimize.minimize(
            run.loss_and_gradient,
            run.position,
            jac=True,
            method="L-BFGS-B",
            bounds=scipy.optimize.Bounds(0.0, 255.0),
            callback=run.after_step,
            # The usual tolerances would end a style transfer at once.
            options={"maxiter": num_steps - before, "maxfun": 20 * num_steps, "maxcor": history_size}
            | {"ftol": 0.0, "gtol": 0.0},
        )
        if run.steps == before:
            return


def _minimize_large(
    evaluate: Evaluate, image: np.ndarray, num_steps: int, history_size: int, on_step: OnStep
) -> None:
    """The same where memory matters more."""
    terms = np.empty(0)

    def loss_and_gradient(flat: np.ndarray) -> tuple[float, np.ndarray]:
        nonlocal terms
        candidate = tf.constant(flat.reshape(1, *image.shape))
        loss, terms, gradient = (part.numpy() for part in evaluate(candidate))
        _require_finite(loss, gradient)
        return float(loss), gradient.ravel()

    history_size = min(history_size, LARGE_HISTORY)
    search = ProjectedLBFGS(loss_and_gradient, image.ravel(), (0.0, 255.0), history_size)
    for _ in range(num_steps):
        if not search.step() or on_step(search.position.reshape(image.shape), terms, ()):
            return


class _LbfgsRun:
    """What SciPy calls, and how far it is."""

    def __init__(self, evaluate: Evaluate, image: np.ndarray, on_step: OnStep) -> None:
        self.steps, self.stopped = 0, False
        self.position = image.ravel().astype(np.float64)
        self._evaluate, self._shape, self._on_step = evaluate, image.shape, on_step
        self._terms = evaluate(tf.constant(image[np.newaxis]))[1].numpy()
        self._scale = _SCIPY_LOSS / max(float(self._terms.sum()), 1e-30)

    def loss_and_gradient(self, flat: np.ndarray) -> tuple[float, np.ndarray]:
        candidate = tf.constant(flat.reshape(1, *self._shape), tf.float32)
        loss, self._terms, gradient = (tensor.numpy() for tensor in self._evaluate(candidate))
        _require_finite(loss, gradient)
        return float(loss) * self._scale, gradient.ravel().astype(np.float64) * self._scale

    def after_step(self, intermediate_result: scipy.optimize.OptimizeResult) -> None:
        self.steps += 1
        self.position = intermediate_result.x.copy()
        picture = self.position.reshape(self._shape).astype(np.float32)
        # The line search's last evaluation is the point that it accepted.
        self.stopped = self._on_step(picture, self._terms, ())
        if self.stopped:
            raise StopIteration


def _minimize_keras(
    evaluate: Evaluate,
    image: np.ndarray,
    num_steps: int,
    settings: StyleTransferSettings,
    on_step: OnStep,
    slots: Sequence[np.ndarray],
) -> None:
    variable = keras.Variable(image[np.newaxis])
    optimizer = _keras_optimizer(settings)
    optimizer.build([variable])
    for slot, value in zip(optimizer.variables, slots, strict=False):
        slot.assign(value)
    for _ in range(num_steps):
        loss, terms, gradient = evaluate(variable.value)
        _require_finite(loss.numpy(), gradient.numpy())
        optimizer.apply([gradient])
        variable.assign(tf.clip_by_value(variable.value, 0.0, 255.0))
        values = [slot.numpy() for slot in optimizer.variables]
        if on_step(variable.numpy()[0], terms.numpy(), values):
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
