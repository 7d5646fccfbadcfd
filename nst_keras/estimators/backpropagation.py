"""Backpropagation written out: a multilayer perceptron in NumPy, each line beside its formula.

Notation (Bishop 2006, chapter 5, and Nielsen 2015, chapter 2, with examples as rows): layer l = 1 … L has
weights W^l [n_(l-1), n_l] and biases b^l [n_l], X is a^0 [B, n_0], and

    z^l = a^(l-1) W^l + b^l          net inputs of layer l, [B, n_l]
    a^l = φ(z^l)                     for l < L; the last layer's logits z^L go to the softmax
    P   = softmax(z^L)               probabilities, [B, C]
    J   = -1/B ∑_i ln P[i, y_i] + λ/2 ∑_l ∑ (W^l)²

The penalty spares the biases, and is not divided by the number of examples. What is computed keeps the
dtype of the parameters; `initialize` makes float64.
"""

import itertools
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from nst_keras.errors import InputError, require_choice

Array = npt.NDArray[np.floating]
Labels = npt.NDArray[np.integer]
# (W, b) of each layer, first to last; gradients and velocities have the same form.
Params = list[tuple[Array, Array]]


def _sigmoid(z: Array) -> Array:
    # By way of tanh, which doesn't overflow.
    return (1 + np.tanh(z / 2)) / 2


# φ, and φ' as a function of a = φ(z): that is all that backpropagation has to remember.
_ACTIVATIONS: dict[str, tuple[Callable[[Array], Array], Callable[[Array], Array]]] = {
    "relu": (lambda z: np.maximum(z, 0), lambda a: (a > 0).astype(a.dtype)),
    "tanh": (np.tanh, lambda a: 1 - a**2),
    "sigmoid": (_sigmoid, lambda a: a * (1 - a)),
}
ACTIVATIONS = tuple(_ACTIVATIONS)


@dataclass(frozen=True)
class TrainingSettings:
    """How `train` goes down the cost."""

    activation: str = "relu"  # relu, tanh or sigmoid
    eta: float = 0.1  # step size, above 0
    momentum: float = 0.9  # part of the last step that is taken again; at least 0 and below 1
    l2: float = 0.0  # λ, at least 0
    batch_size: int = 32  # examples a step; at least 1
    n_epochs: int = 20  # passes over all examples; at least 1
    shuffle: bool = True  # a new order in every epoch
    seed: int | None = 0  # of the orders; None is another one each time

    def __post_init__(self) -> None:
        require_choice("activation", self.activation, ACTIVATIONS)
        for name, fits, expected in (
            ("eta", 0 < self.eta < np.inf, "a finite number above 0"),
            ("momentum", 0 <= self.momentum < 1, "at least 0 and below 1"),
            ("l2", 0 <= self.l2 < np.inf, "a finite number, at least 0"),
            ("batch_size", self.batch_size >= 1, "at least 1"),
            ("n_epochs", self.n_epochs >= 1, "at least 1"),
        ):
            if not fits:
                raise InputError(f"{name} must be {expected}. Received: {name}={getattr(self, name)}")


def initialize(
    sizes: Sequence[int],
    rng: np.random.Generator,
    *,
    activation: str = "relu",
    dtype: npt.DTypeLike = np.float64,
) -> Params:
    """Draws weights that keep the size of signals from layer to layer; biases are 0.

    Normal with variance 2/n_(l-1) before ReLU (He et al. 2015, eq. 10), else 2/(n_(l-1) + n_l)
    (Glorot & Bengio 2010, eq. 12, whose distribution is uniform; the variance is the same).

    The sizes are n_0 … n_L: inputs, units of each hidden layer, classes. The dtype of the parameters is that
    of all that is computed with them.
    """
    require_choice("activation", activation, ACTIVATIONS)
    if len(sizes) < 2 or min(sizes) < 1:
        raise InputError(f"sizes must be at least two positive whole numbers. Received: sizes={list(sizes)}")
    params: Params = []
    for layer, (n_in, n_out) in enumerate(itertools.pairwise(sizes), start=1):
        before_relu = activation == "relu" and layer < len(sizes) - 1
        deviation = np.sqrt(2 / n_in if before_relu else 2 / (n_in + n_out))
        weights = rng.standard_normal((n_in, n_out)) * deviation
        params.append((weights.astype(dtype), np.zeros(n_out, dtype)))
    return params


def forward(params: Params, x: Array, activation: str = "relu") -> list[Array]:
    """Forward propagation of examples [B, n_0].

    Returns a^0 = x, a^1 … a^(L-1), and the logits z^L [B, C]: what `backward` needs.
    """
    phi, _ = _ACTIVATIONS[activation]
    outputs = [np.asarray(x, params[0][0].dtype)]
    for weights, bias in params[:-1]:
        z = outputs[-1] @ weights + bias  # z^l = a^(l-1) W^l + b^l
        outputs.append(phi(z))  # a^l = φ(z^l)
    weights, bias = params[-1]
    return [*outputs, outputs[-1] @ weights + bias]  # z^L = a^(L-1) W^L + b^L


def log_softmax(logits: Array) -> Array:
    """Logarithm of the softmax, [B, C]; less the greatest logit first, so that no exponential overflows."""
    shifted = logits - logits.max(axis=1, keepdims=True)
    return shifted - np.log(np.exp(shifted).sum(axis=1, keepdims=True))


def cost(params: Params, x: Array, y: Labels, *, l2: float = 0.0, activation: str = "relu") -> float:
    """J for examples [B, n_0] with class ids [B]: mean cross-entropy in nats, plus the penalty with λ."""
    return _cost(params, forward(params, x, activation)[-1], y, l2)


def _cost(params: Params, logits: Array, y: Labels, l2: float) -> float:
    cross_entropy = -log_softmax(logits)[np.arange(len(y)), y].mean()  # -1/B ∑_i ln P[i, y_i]
    penalty = l2 / 2 * sum(np.sum(weights**2) for weights, _ in params)  # λ/2 ∑_l ∑ (W^l)²
    return float(cross_entropy + penalty)


def backward(
    params: Params, outputs: Sequence[Array], y: Labels, *, l2: float = 0.0, activation: str = "relu"
) -> Params:
    """Backpropagation: the gradient of J, from the last layer to the first.

    With δ^l = ∂J/∂z^l, [B, n_l], the chain rule gives each layer's δ from the next one's. Takes what
    `forward` returned and class ids [B]; returns (∂J/∂W^l, ∂J/∂b^l) of each layer, first to last.
    """
    _, phi_prime = _ACTIVATIONS[activation]
    gradients: Params = []
    delta = np.exp(log_softmax(outputs[-1]))  # P
    delta[np.arange(len(y)), y] -= 1  # P - Y, with Y one-hot
    delta /= len(y)  # δ^L = (P - Y) / B
    for layer in reversed(range(len(params))):
        weights, _ = params[layer]
        grad_weights = outputs[layer].T @ delta + l2 * weights  # ∂J/∂W^l = (a^(l-1))ᵀ δ^l + λ W^l
        grad_bias = delta.sum(axis=0)  # ∂J/∂b^l = ∑_i δ^l[i]
        gradients.append((grad_weights, grad_bias))
        if layer:
            # δ^(l-1) = (δ^l (W^l)ᵀ) ⊙ φ'(z^(l-1))
            delta = (delta @ weights.T) * phi_prime(outputs[layer])
    return gradients[::-1]


def sgd_step(
    params: Params, gradients: Params, velocity: Params, *, eta: float, momentum: float = 0.0
) -> tuple[Params, Params]:
    """One step with momentum (Polyak 1964), as `keras.optimizers.SGD` takes it.

        v <- μ v - η ∂J/∂θ
        θ <- θ + v

    Returns new parameters and new velocity; the old ones are left as they are.
    """
    moved: Params = [
        (momentum * v_weights - eta * g_weights, momentum * v_bias - eta * g_bias)
        for (v_weights, v_bias), (g_weights, g_bias) in zip(velocity, gradients, strict=True)
    ]
    new: Params = [
        (weights + v_weights, bias + v_bias)
        for (weights, bias), (v_weights, v_bias) in zip(params, moved, strict=True)
    ]
    return new, moved


def minibatches(
    count: int, batch_size: int, rng: np.random.Generator | None = None
) -> Iterator[npt.NDArray[np.integer]]:
    """Indices of the examples of each step of an epoch, in order or shuffled by `rng`."""
    order = np.arange(count) if rng is None else rng.permutation(count)
    for start in range(0, count, batch_size):
        yield order[start : start + batch_size]


def train(
    params: Params, x: Array, y: Labels, settings: TrainingSettings = TrainingSettings()
) -> Iterator[tuple[Params, float]]:
    """Minibatch gradient descent with momentum, on examples [N, n_0], scaled to about -1 … 1.

    Yields after each epoch the parameters and the mean of the steps' costs, each before its step. A cost that
    isn't finite means that eta is too large. The parameters to start from are left as they are.
    """
    velocity: Params = [(np.zeros_like(weights), np.zeros_like(bias)) for weights, bias in params]
    rng = np.random.default_rng(settings.seed) if settings.shuffle else None
    l2, activation = settings.l2, settings.activation
    for _ in range(settings.n_epochs):
        total = 0.0
        for rows in minibatches(len(x), settings.batch_size, rng):
            outputs = forward(params, x[rows], activation)
            total += _cost(params, outputs[-1], y[rows], l2) * len(rows)
            gradients = backward(params, outputs, y[rows], l2=l2, activation=activation)
            params, velocity = sgd_step(
                params, gradients, velocity, eta=settings.eta, momentum=settings.momentum
            )
        yield params, total / len(x)


def predict(params: Params, x: Array, activation: str = "relu") -> Labels:
    """Class ids [B]: the greatest logit of each example."""
    return forward(params, x, activation)[-1].argmax(axis=1)
