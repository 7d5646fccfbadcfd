"""A dense layer with a backward pass of its own, to show what mistakes in one look like."""

from typing import Any

import keras
import tensorflow as tf

DENSE_FAULTS = ("sign_slip", "missing_bias", "transposed")


@keras.saving.register_keras_serializable(package="nst_keras")
class HandWrittenDense(keras.layers.Dense):
    """A dense layer whose backward pass is written by hand, with a mistake in it if wanted.

    With a [batch, n], W [n, m], b [m] and δ [batch, m], the gradient that arrives from above:

        ∂J/∂a = δ Wᵀ    ∂J/∂W = aᵀ δ    ∂J/∂b = ∑_i δ[i]

    Args:
        units: As for `keras.layers.Dense`.
        fault: "" for none, "sign_slip" (-∂J/∂W), "missing_bias" (∂J/∂b = 0) or "transposed" (δᵀ a written
            into ∂J/∂W).
        **kwargs: As for `keras.layers.Dense`; `activation` must be left out.

    Input shape: [batch, features].
    Output shape: [batch, units].

    Raises:
        ValueError: If there is no such fault.
    """

    def __init__(self, units: int, fault: str = "", **kwargs: Any) -> None:
        super().__init__(units, **kwargs)
        if fault not in ("", *DENSE_FAULTS):
            choices = ", ".join(DENSE_FAULTS)
            raise ValueError(f"fault must be empty or one of {choices}. Received: fault={fault}")
        self.fault = fault

    def call(self, inputs: tf.Tensor, training: bool | None = None) -> tf.Tensor:
        return self._apply(inputs, tf.convert_to_tensor(self.kernel), tf.convert_to_tensor(self.bias))

    def _apply(self, inputs: tf.Tensor, kernel: tf.Tensor, bias: tf.Tensor) -> tf.Tensor:
        @tf.custom_gradient
        def dense(inputs: tf.Tensor, kernel: tf.Tensor, bias: tf.Tensor) -> Any:
            def backward(delta: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor]:
                grad_kernel = tf.matmul(inputs, delta, transpose_a=True)
                grad_bias = tf.reduce_sum(delta, axis=0)
                if self.fault == "sign_slip":
                    grad_kernel = -grad_kernel
                elif self.fault == "missing_bias":
                    grad_bias = tf.zeros_like(grad_bias)
                elif self.fault == "transposed":
                    grad_kernel = tf.reshape(tf.transpose(grad_kernel), tf.shape(grad_kernel))
                return tf.matmul(delta, kernel, transpose_b=True), grad_kernel, grad_bias

            return tf.matmul(inputs, kernel) + bias, backward

        return dense(inputs, kernel, bias)

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "fault": self.fault}
