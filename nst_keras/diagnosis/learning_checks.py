"""Checks of how a network learns: its gradients by layer, the learning rate, and whether it can overfit."""

import math
from collections.abc import Sequence

import keras
import numpy as np
import tensorflow as tf

from nst_keras.diagnosis.central_differences import root_mean_square
from nst_keras.diagnosis.checked_network import CheckedNetwork
from nst_keras.diagnosis.findings import Finding

_STEPS = 15  # tried with each learning rate
_DECADES = 6  # tried below a learning rate that is too high, or above one that is too low
_FLAT = 0.999  # a loss above this part of its start hasn't fallen
_OVERFIT_BATCH, _OVERFIT_STEPS, _OVERFIT_RATES = 16, 200, (5e-3, 5e-4)


def check_gradient_flow(network: CheckedNetwork) -> list[Finding]:
    """Compares root mean squares: first with last kernel's gradient, and each gradient with its kernel.

    Vanishing: first / last below 1e-2 is suspect, below 1e-4 wrong. Each sigmoid multiplies the gradient
    by at most 1/4 (Hochreiter 1991; Glorot & Bengio 2010). Exploding: gradient / kernel above 100 in any
    layer is suspect, above 1e4 wrong; weights that are too large make signals grow forward as well as
    gradients backward, so that the gradients of all kernels grow alike.
    """
    gradients = {id(variable): gradient for variable, gradient in network.gradients()}
    table = []
    for layer, kernel in zip(network.weight_layers(), network.kernels(), strict=True):
        gradient, weight = gradients.get(id(kernel)), root_mean_square(kernel.numpy())
        size = 0.0 if gradient is None else root_mean_square(gradient)
        row = {"layer": layer.name, "gradient": size, "weight": weight}
        table.append(row | {"gradient/weight": size / max(weight, 1e-30)})
    if not table:
        return [Finding("gradient_flow", "ok", "", "No layer has a trainable kernel.")]
    return [_judge_flow(table)]


def _judge_flow(table: list[dict]) -> Finding:
    first, last = table[0]["gradient"], table[-1]["gradient"]
    ratio = first / last if last else math.inf if first else 0.0
    largest = max(table, key=lambda row: row["gradient/weight"])
    share = largest["gradient/weight"]
    numbers = {"first_gradient": first, "last_gradient": last, "first/last": ratio}
    numbers["largest_gradient/weight"] = share

    def finding(verdict: str, name: str, text: str, remedy: str = "") -> Finding:
        return Finding("gradient_flow", verdict, name, text, remedy, numbers, tuple(table))

    if silent := [row["layer"] for row in table if not row["gradient"] > 0]:
        text = f"No gradient arrives at {', '.join(silent)}."
        return finding("wrong", "no gradient", text, "Look for dead units or a path that is cut before them.")
    text = f"The first layer's gradient is {ratio:.2g} times the last one's."
    if ratio < 1e-2:
        remedy = "Use ReLU, residual connections or batch normalisation, or fewer layers."
        return finding("wrong" if ratio < 1e-4 else "suspect", "vanishing gradient", text, remedy)
    if share > 100:
        text = f"The gradient of {largest['layer']} is {share:.2g} times its weights."
        remedy = "Start from smaller weights, normalise, or clip the gradient."
        return finding("wrong" if share > 1e4 else "suspect", "exploding gradient", text, remedy)
    return finding("ok", "", text)


class _Trial:
    """Takes steps on one batch, each time from the same start."""

    def __init__(
        self, network: CheckedNetwork, optimizer: keras.optimizers.Optimizer, size: int | None = None
    ) -> None:
        self._network, self._optimizer = network, optimizer
        self._images = tf.constant(network.images[:size])
        self._labels = tf.constant(network.labels[:size])
        optimizer.build(network.model.trainable_variables)
        self._start = [variable.numpy() for variable in optimizer.variables]

    @tf.function
    def _step(self) -> tuple[tf.Tensor, tf.Tensor]:
        variables = self._network.model.trainable_variables
        with tf.GradientTape() as tape:
            outputs = self._network.model(self._images, training=True)
            loss = self._network.loss(self._labels, outputs)
        gradients = zip(tape.gradient(loss, variables), variables, strict=True)
        pairs = [pair for pair in gradients if pair[0] is not None]
        self._optimizer.apply(*zip(*pairs, strict=True))
        right = tf.equal(tf.argmax(outputs, axis=-1), self._labels)
        return loss, tf.reduce_mean(tf.cast(right, tf.float32))

    def run(self, rate: float, steps: int, enough: float = -1.0) -> tuple[list[float], float, float]:
        """Loss before each step, last share of right answers, and size of the first update.

        The last is the median over the kernels of |update| / |weight|. It stops where the loss is at most
        `enough` and all answers are right.
        """
        with self._network.kept():
            for variable, value in zip(self._optimizer.variables, self._start, strict=True):
                variable.assign(value)
            self._optimizer.learning_rate = rate
            kernels = self._network.kernels()
            before = [kernel.numpy() for kernel in kernels]
            losses: list[float] = []
            update = 0.0
            for number in range(steps):
                loss, right = self._step()
                losses.append(float(loss))
                if number == 0:
                    update = _update_size(before, [kernel.numpy() for kernel in kernels])
                if not math.isfinite(losses[-1]) or (losses[-1] <= enough and right == 1):
                    break
        return losses, float(right), update


def check_learning_rate(
    network: CheckedNetwork, optimizer: keras.optimizers.Optimizer, rate: float
) -> list[Finding]:
    """Takes 15 steps on one batch: the loss has to fall.

    If it rises, lower rates are tried by decades; if it stays within 0.1 %, higher ones.

    A first update of about 1e-3 of the weights is usual (CS231n); it is reported, but the loss judges.
    """
    trial = _Trial(network, optimizer)
    losses, _, update = trial.run(rate, _STEPS)
    numbers = {
        "learning_rate": rate,
        "first_loss": losses[0],
        "last_loss": losses[-1],
        "update/weight": update,
    }
    text = (
        f"In {len(losses)} steps at {rate:g} the loss goes from {losses[0]:.3g} to {losses[-1]:.3g}; "
        f"the first update is {update:.1e} of the weights."
    )
    if _falls(losses) and losses[-1] < _FLAT * losses[0]:
        return [Finding("learning_rate", "ok", "", text, numbers=numbers)]
    flat = bool(np.isfinite(losses).all() and np.ptp(losses) < (1 - _FLAT) * losses[0])
    direction = 1 if flat else -1
    for decade in range(1, _DECADES + 1):
        other = rate * 10.0 ** (direction * decade)
        tried = trial.run(other, _STEPS)[0]
        if _falls(tried) and tried[-1] < _FLAT * tried[0]:
            numbers["suggestion"] = other
            return [_wrong_rate(flat, text, numbers)]
    remedy = "Look at the gradient check: no other rate lowers the loss either."
    return [Finding("learning_rate", "wrong", "no way down", text, remedy, numbers)]


def _wrong_rate(low: bool, text: str, numbers: dict[str, float]) -> Finding:
    rate = f"{numbers['suggestion']:g}"
    if low:
        remedy = f"Use {rate} or more, where the loss begins to fall."
        return Finding("learning_rate", "suspect", "learning rate too low", text, remedy, numbers)
    remedy = f"Use {rate}, the highest rate by decades at which the loss falls."
    return Finding("learning_rate", "wrong", "learning rate too high", text, remedy, numbers)


def _falls(losses: Sequence[float]) -> bool:
    """Whether the loss stays finite, ends below its start, and doesn't leap on the way."""
    return bool(np.isfinite(losses).all() and losses[-1] < losses[0] and max(losses) < 1.5 * losses[0])


def check_overfit(network: CheckedNetwork) -> list[Finding]:
    """Lets the network learn 16 pictures by heart, with Adam whatever its own optimiser, without dropout.

    All answers right and a loss below a tenth of ln C is ok; fewer than 90 % right answers or a loss above
    half of ln C after 200 steps with either of two rates is wrong.
    """
    trial = _Trial(network, keras.optimizers.Adam(), _OVERFIT_BATCH)
    size, expected = min(_OVERFIT_BATCH, len(network.labels)), math.log(network.num_classes)
    scale = size if network.loss_is_sum() else 1
    best = (math.inf, 0.0)
    for rate in _OVERFIT_RATES:
        losses, right, _ = trial.run(rate, _OVERFIT_STEPS, 0.1 * expected * scale)
        best = min(best, (losses[-1] / scale if math.isfinite(losses[-1]) else math.inf, right))
        if best[0] <= 0.1 * expected and best[1] == 1:
            break
    loss, right = best
    numbers = {"loss": loss, "accuracy": right, "pictures": float(size), "ln_classes": expected}
    text = f"After {len(losses)} steps on {size} pictures: loss {loss:.3g}, {right:.0%} right."
    if loss <= 0.1 * expected and right == 1:
        return [Finding("overfit", "ok", "", text, numbers=numbers)]
    remedy = "Look at the findings above; if there are none, the network is too small or a layer is cut off."
    verdict = "wrong" if right < 0.9 or loss > 0.5 * expected else "suspect"
    return [Finding("overfit", verdict, "can't overfit a batch", text, remedy, numbers)]


def _update_size(before: list[np.ndarray], after: list[np.ndarray]) -> float:
    pairs = zip(before, after, strict=True)
    sizes = [root_mean_square(new - old) / max(root_mean_square(old), 1e-30) for old, new in pairs]
    return float(np.median(sizes)) if sizes else 0.0
