"""Optimisers of a picture: SciPy's L-BFGS-B, and Keras's Adam and SGD."""

from collections.abc import Callable, Sequence

import keras
import numpy as np
import scipy.optimize
import tensorflow as tf

from nst_keras.training.settings import StyleTransferSettings

# Loss, its terms and its gradient for a picture [1, H, W, 3].
Evaluate = Callable[[tf.Tensor], tuple[tf.Tensor, tf.Tensor, tf.Tensor]]
# Gets the picture [H, W, 3], the loss terms and the optimiser's variables after each step; True ends.
OnStep = Callable[[np.ndarray, np.ndarray, Sequence[np.ndarray]], bool]

# SciPy's stopping rules and first step assume a loss of about this size.
_SCIPY_LOSS = 1000.0


class NonFiniteLossError(ArithmeticError):
    """The loss or its gradient isn't finite, so there is no way on."""


def minimize(
    evaluate: Evaluate,
    image: np.ndarray,
    num_steps: int,
    settings: StyleTransferSettings,
    on_step: OnStep,
    slots: Sequence[np.ndarray] = (),
) -> None:
    """Takes `num_steps` steps, keeping the picture within 0..255.

    Args:
        evaluate: The objective.
        image: Start, float32 [H, W, 3].
        num_steps: Steps to take; lbfgs ends sooner if no step lowers the loss.
        settings: Names the optimiser and its parameters.
        on_step: Gets every result.
        slots: Variables of adam or sgd from an earlier call, to go on exactly there.

    Raises:
        NonFiniteLossError: As it says.
    """
    if num_steps < 1:
        return
    if settings.optimizer == "lbfgs":
        _minimize_lbfgs(evaluate, image, num_steps, settings.history_size, on_step)
    else:
        _minimize_keras(evaluate, image, num_steps, settings, on_step, slots)


def _minimize_lbfgs(
    evaluate: Evaluate, image: np.ndarray, num_steps: int, history_size: int, on_step: OnStep
) -> None:
    # The line search's last evaluation is the point that it accepts.
    terms = evaluate(tf.constant(image[np.newaxis]))[1].numpy()
    scale = _SCIPY_LOSS / max(float(terms.sum()), 1e-30)

    def loss_and_gradient(flat: np.ndarray) -> tuple[float, np.ndarray]:
        nonlocal terms
        candidate = tf.constant(flat.reshape(1, *image.shape), tf.float32)
        loss, terms, gradient = (tensor.numpy() for tensor in evaluate(candidate))
        _require_finite(loss, gradient)
        return float(loss) * scale, gradient.ravel().astype(np.float64) * scale

    def after_step(intermediate_result: scipy.optimize.OptimizeResult) -> None:
        picture = intermediate_result.x.reshape(image.shape).astype(np.float32)
        if on_step(picture, terms, ()):
            raise StopIteration

    scipy.optimize.minimize(
        loss_and_gradient,
        image.ravel().astype(np.float64),
        jac=True,
        method="L-BFGS-B",
        bounds=scipy.optimize.Bounds(0.0, 255.0),
        callback=after_step,
        # No stop but by the number of steps: the usual tolerances end a style transfer at once.
        options={"maxiter": num_steps, "maxfun": 20 * num_steps + 20, "maxcor": history_size}
        | {"ftol": 0.0, "gtol": 0.0},
    )


def _minimize_keras(
    evaluate: Evaluate,
    image: np.ndarray,
    num_steps: int,
    settings: StyleTransferSettings,
    on_step: OnStep,
    slots: Sequence[np.ndarray],
) -> None:
    variable = keras.Variable(image[np.newaxis], name="image")
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
        settings.learning_rate,
        beta_1=settings.beta_1,
        beta_2=settings.beta_2,
        epsilon=settings.epsilon,
    )


def _require_finite(loss: np.ndarray, gradient: np.ndarray) -> None:
    if not (np.isfinite(loss) and np.isfinite(gradient).all()):
        raise NonFiniteLossError(f"the loss is no longer finite. Received: loss={float(loss)}")
