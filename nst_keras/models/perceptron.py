"""Rosenblatt's perceptron as a Keras model: it learns by its own rule, without an optimiser or gradients."""

from typing import Any

import keras
import tensorflow as tf

from nst_keras.fields import POSITIVE, require_number
from nst_keras.models.one_vs_rest import OneVsRest, signs


@keras.saving.register_keras_serializable(package="nst_keras")
def perceptron_loss(labels: tf.Tensor, net_inputs: tf.Tensor) -> tf.Tensor:
    """Perceptron criterion `sum_k max(0, -y_k z_k)`, whose subgradient is the learning rule, [batch].

    The labels are class ids, [batch]; unit k's y is 1 for its class and -1 for the others.
    """
    margins = signs(labels, net_inputs.shape[-1], net_inputs.dtype) * net_inputs
    return tf.reduce_sum(tf.nn.relu(-margins), axis=-1)


@keras.saving.register_keras_serializable(package="nst_keras")
class Perceptron(OneVsRest):
    """Perceptron, one unit per class against the rest (Rosenblatt 1958).

    For each example in turn, and for each unit that gets it wrong, y z <= 0 with y = 1 for the unit's class
    and -1 for the others:

        w <- w + eta y x
        b <- b + eta y

    That is scikit-learn's convention and that of `estimators.Perceptron`, whose weights come out after each
    epoch in the same order. `compile()` and `fit` work as ever, with two additions: `errors` among the
    metrics counts the updates in an epoch, and no optimiser is needed. Ask `fit` for `shuffle=False` to
    keep an order.

    Args:
        num_classes: Number of units; at least 2.
        eta: Step size, above 0. From zero weights it scales them all and changes no answer.
        scale: Factor on the inputs; 1 / 255 takes raw pixels.
        **kwargs: As for `keras.Model`.

    Input shape: [batch, height, width, channels] or [batch, features], any number type.
    Output shape: [batch, num_classes], net inputs; the greatest is the class.

    Raises:
        InputError: If an argument is out of its range.
    """

    def __init__(self, num_classes: int, eta: float = 1.0, *, scale: float = 1 / 255, **kwargs: Any) -> None:
        super().__init__(num_classes, scale=scale, **kwargs)
        require_number("eta", eta, POSITIVE, whole=False)
        self.eta = eta
        self._error_sum = keras.metrics.Sum(name="errors")

    def compile(self, optimizer: Any = None, loss: Any = perceptron_loss, **kwargs: Any) -> None:
        """As Keras's, without an optimiser; the loss is only reported."""
        super().compile(optimizer=optimizer, loss=loss, **kwargs)

    def update(self, inputs: tf.Tensor, labels: tf.Tensor) -> tf.Tensor:
        """Goes through a batch with class ids [batch] once, example by example; the weights change in place.

        Returns the number of updates, of all units together, int32.
        """
        self._ensure_built(inputs)
        features = self.features(inputs)
        steps = self.eta * signs(labels, self.num_classes, features.dtype)

        def learn(row: tf.Tensor, kernel: tf.Tensor, bias: tf.Tensor, errors: tf.Tensor) -> tuple:
            x, step = features[row], steps[row]
            wrong = step * (tf.linalg.matvec(kernel, x, transpose_a=True) + bias) <= 0
            change = tf.where(wrong, step, tf.zeros_like(step))
            kernel += x[:, None] * change
            return row + 1, kernel, bias + change, errors + tf.math.count_nonzero(wrong, dtype=tf.int32)

        count = tf.shape(features)[0]
        start = (0, tf.convert_to_tensor(self.kernel), tf.convert_to_tensor(self.bias), 0)
        _, kernel, bias, errors = tf.while_loop(lambda row, *_: row < count, learn, start)
        self.kernel.assign(kernel)
        self.bias.assign(bias)
        return errors

    def fit(self, *args: Any, callbacks: Any = None, **kwargs: Any) -> keras.callbacks.History:
        """As Keras's, but it ends with the first epoch that has no error."""
        stop = keras.callbacks.LambdaCallback(on_epoch_end=self._stop_without_errors)
        others = callbacks if isinstance(callbacks, list | tuple) else [callbacks] if callbacks else []
        return super().fit(*args, callbacks=[*others, stop], **kwargs)

    def _stop_without_errors(self, epoch: int, logs: dict[str, float]) -> None:
        if logs[self._error_sum.name] == 0:
            self.stop_training = True

    def train_step(self, data: Any) -> dict[str, tf.Tensor]:
        """What `fit` does with a batch: `update`, then the metrics with the new weights."""
        inputs, labels = self._unpack(data)
        self._error_sum.update_state(self.update(inputs, labels))
        return self._report(inputs, labels, tf.reduce_mean(perceptron_loss(labels, self(inputs))))

    def test_step(self, data: Any) -> dict[str, tf.Tensor]:
        """As Keras's; errors are counted in training alone."""
        logs = super().test_step(data)
        logs.pop(self._error_sum.name)
        return logs

    def get_config(self) -> dict[str, Any]:
        """Settings to make the model again."""
        return {**super().get_config(), "eta": self.eta}
