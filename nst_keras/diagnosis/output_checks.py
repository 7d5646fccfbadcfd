"""Checks of what comes out of a network: its outputs, its first loss, and the units on the way."""

import math
from collections.abc import Iterator

import numpy as np
from scipy.special import softmax

from nst_keras.diagnosis.checked_network import CheckedNetwork
from nst_keras.diagnosis.findings import Finding

_SHARPEN = 1e4  # factor on the last layer's weights, so that any softmax after them is all or nothing


def check_shape(network: CheckedNetwork) -> Finding | None:
    """Tells whether there is one finite number per class; nothing else can be checked without."""
    shape, classes = list(network.outputs.shape), network.num_classes
    if len(shape) != 2:
        text = f"The outputs have shape {shape} where [batch, classes] was expected."
        remedy = "Put Flatten or GlobalAveragePooling2D and a Dense layer with a unit per class at the end."
        return Finding("outputs", "wrong", "wrong output shape", text, remedy)
    needed = max(classes, int(network.labels.max()) + 1)
    if shape[1] != needed:
        text = f"The model has {shape[1]} outputs for {needed} classes."
        verdict = "wrong" if shape[1] < needed else "suspect"
        return Finding("outputs", verdict, "wrong output count", text, f"Give the last layer {needed} units.")
    if not np.isfinite(network.outputs).all():
        text = "The outputs aren't finite although the pictures are."
        remedy = "Look for weights that aren't finite, logarithms of 0 and divisions by 0."
        return Finding("outputs", "wrong", "outputs not finite", text, remedy)
    return None


def check_outputs(network: CheckedNetwork) -> list[Finding]:
    """Softmax over the wrong axis, twice or missing; predictions that depend on other pictures."""
    found = [*_check_independence(network), *_check_softmax(network)]
    if found:
        return found
    kind = "probabilities" if network.gives_probabilities() else "logits"
    text = f"The outputs are {kind}, as the loss expects, and each picture's depend on that picture alone."
    return [Finding("outputs", "ok", "", text)]


def _check_independence(network: CheckedNetwork) -> Iterator[Finding]:
    """Half of the batch must have the same outputs without the other half."""
    half = len(network.images) // 2
    alone = network.predict(network.images[:half])
    difference = float(np.abs(alone - network.outputs[:half]).max())
    if difference <= 1e-3 * np.abs(alone).max():
        return
    numbers = {"largest_difference": difference}
    if network.gives_probabilities(axis=0):
        text = "The outputs sum to 1 over the pictures of the batch instead of over the classes."
        remedy = "Use softmax with axis=-1."
        yield Finding("outputs", "wrong", "softmax over the wrong axis", text, remedy, numbers)
    else:
        text = "A picture's outputs change with the other pictures in the batch, in inference as well."
        remedy = "Look for a wrong axis in a reshape, a normalisation, a mean or a softmax."
        yield Finding("outputs", "wrong", "pictures mixed", text, remedy, numbers)


def _check_softmax(network: CheckedNetwork) -> Iterator[Finding]:
    """Holds the highest probability within reach against that of a softmax of a softmax.

    A softmax of numbers in 0..1 with sum 1 can't exceed e / (e + C - 1), so the cross-entropy can't fall
    below ln(1 + (C - 1) / e): 1.46 for ten classes. The last layer's weights are made so large that the
    first softmax is all or nothing, which shows whether there is a second one, whatever the weights.
    """
    probabilities, classes = network.gives_probabilities(), network.outputs.shape[1]
    ceiling = math.e / (math.e + classes - 1)
    numbers = {"highest_probability": _highest_probability(network), "ceiling_of_two_softmax": ceiling}
    numbers["least_loss"] = -math.log(max(numbers["highest_probability"], 1e-300))
    where = " and the loss applies another (from_logits=True)" if network.loss.from_logits else ""
    if abs(numbers["highest_probability"] - ceiling) < 1e-3:
        text = (
            f"The outputs pass a softmax{where or ' twice in the model'}: no probability can exceed "
            f"{ceiling:.3f}, so the loss can't fall below {numbers['least_loss']:.3f}."
        )
        remedy = "Leave out the softmax at the end of the model, or use from_logits=False with a single one."
        yield Finding("outputs", "wrong", "softmax twice", text, remedy, numbers)
    elif network.loss.from_logits is False and not probabilities and not network.gives_probabilities(0):
        inside = network.outputs.min() >= 0 and network.outputs.max() <= 1
        text = "The loss expects probabilities, but the outputs don't sum to 1 over the classes."
        name, verdict = ("sigmoid instead of softmax", "suspect") if inside else ("softmax missing", "wrong")
        yield Finding("outputs", verdict, name, text, "Use from_logits=True, or end in a softmax.", numbers)


def _highest_probability(network: CheckedNetwork) -> float:
    """Median over the pictures of the highest probability, with the last layer's weights made large."""
    layers = network.weight_layers()
    with network.kept():
        for variable in layers[-1].trainable_variables if layers else ():
            variable.assign(variable * _SHARPEN)
        outputs = network.predict()
    if network.loss.from_logits:
        outputs = softmax(outputs, axis=-1)
    return float(np.median(outputs.max(axis=-1)))


def check_initial_loss(network: CheckedNetwork) -> list[Finding]:
    """Holds the loss against ln C, that of a network that knows nothing about C classes (CS231n).

    Weights from a usual start stay near it: above 2 ln C is suspect, above 5 ln C wrong. A network that
    has learned already lies below.
    """
    loss, size = network.loss_of(), len(network.labels)
    if not network.loss_is_sum():
        return [_judge_initial_loss(network, loss)]
    text = f"The loss doubles with the batch: it is a sum over {size} pictures, not their mean."
    remedy = "Divide by the batch size (reduction='sum_over_batch_size'), or lower the learning rate as much."
    numbers = {"loss": loss, "loss_of_batch_twice": network.loss_of(2)}
    found = Finding("initial_loss", "wrong", "not divided by the batch size", text, remedy, numbers)
    mean = _judge_initial_loss(network, loss / size)
    return [found] if mean.verdict == "ok" else [found, mean]


def _judge_initial_loss(network: CheckedNetwork, loss: float) -> Finding:
    expected = math.log(network.num_classes)
    numbers = {"loss": loss, "ln_classes": expected}
    text = f"The loss is {loss:.3g} where ln C = {expected:.3g}"
    if not math.isfinite(loss):
        remedy = "Look for the logarithm of 0."
        return Finding("initial_loss", "wrong", "loss not finite", f"{text}.", remedy, numbers)
    if loss > 2 * expected and "crossentropy" in network.loss.name:
        text += ": the network is sure before it has learned."
        remedy = "Scale the inputs to about -1..1, or start from smaller weights (glorot_uniform, he_normal)."
        verdict = "wrong" if loss > 5 * expected else "suspect"
        return Finding("initial_loss", verdict, "first loss too high", text, remedy, numbers)
    state = "near" if loss > 0.75 * expected else "below"
    text = f"The loss is {loss:.3g}, {state} ln C = {expected:.3g}."
    return Finding("initial_loss", "ok", "", text, numbers=numbers)


def check_activations(network: CheckedNetwork) -> list[Finding]:
    """Counts ReLU units (of a convolution: filters) that are 0 on the whole batch, and saturated sigmoids.

    More than 40 % of a layer's units dead is suspect, more than 90 % wrong. A sigmoid or tanh is taken to be
    saturated within 0.01 of its bounds; more than half of a layer's values is suspect.
    """
    dead = [
        {"layer": name, "units": values.shape[-1], "dead": share}
        for name, values in network.layer_values("relu", "relu6")
        for share in [float(np.mean(~values.reshape(-1, values.shape[-1]).any(axis=0)))]
    ]
    saturated = [
        {"layer": name, "units": values.shape[-1], "saturated": _saturated(values)}
        for name, values in network.layer_values("sigmoid", "tanh")
    ]
    found = []
    if bad := [row for row in dead if row["dead"] > 0.4]:
        share = max(float(row["dead"]) for row in bad)
        text = (
            f"Up to {share:.0%} of a layer's ReLU units are 0 for every picture (first: {bad[0]['layer']})."
        )
        remedy = "Start the biases at 0, scale the inputs, or lower the learning rate that killed the units."
        verdict = "wrong" if share > 0.9 else "suspect"
        numbers = {"largest_dead_share": share}
        found.append(Finding("activations", verdict, "dead ReLU units", text, remedy, numbers, tuple(dead)))
    if bad := [row for row in saturated if row["saturated"] > 0.5]:
        share = max(float(row["saturated"]) for row in bad)
        text = f"Up to {share:.0%} of a layer's values are at the bounds (first: {bad[0]['layer']})."
        remedy = "Scale the inputs, start from smaller weights, or use ReLU."
        found.append(Finding("activations", "suspect", "saturated units", text, remedy, {}, tuple(saturated)))
    if not found:
        text = (
            "No layer is dead or saturated." if dead or saturated else "No ReLU, sigmoid or tanh to look at."
        )
        found.append(Finding("activations", "ok", "", text, table=tuple(dead or saturated)))
    return found


def _saturated(values: np.ndarray) -> float:
    # The least value tells tanh, -1..1, from a sigmoid, 0..1.
    low = -1.0 if values.min() < 0 else 0.0
    return float(np.mean((values < low + 0.01) | (values > 0.99)))
