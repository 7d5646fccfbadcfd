"""What layers with numbers for each style share."""

from typing import Any

import keras


class ConditionalLayer(keras.layers.Layer):
    """A layer whose `gamma` has a row of factors, one for each channel, for each style.

    Args:
        num_styles: Rows; at least 1.
        scale: What the factors begin with.
        **kwargs: As for `keras.layers.Layer`.

    Input shape: features [batch, height, width, channels] and weights of styles [batch, num_styles].
    Output shape: [batch, height, width, channels].

    Raises:
        ValueError: If `num_styles` isn't a positive integer.
    """

    def __init__(self, num_styles: int = 1, scale: float = 1.0, **kwargs: Any) -> None:
        """Checks and stores the number of styles, and the scale."""
        super().__init__(**kwargs)
        if not isinstance(num_styles, int) or num_styles < 1:
            raise ValueError(f"num_styles must be a positive integer. Received: num_styles={num_styles}")
        self.num_styles, self.scale = num_styles, scale

    def build(self, input_shape: list[tuple[int | None, ...]]) -> None:
        """Makes the factors, [num_styles, channels]."""
        shape = (self.num_styles, input_shape[0][-1])
        constant = keras.initializers.Constant(self.scale)
        self.gamma = self.add_weight(name="gamma", shape=shape, initializer=constant)

    def compute_output_shape(self, input_shape: list[tuple[int | None, ...]]) -> tuple[int | None, ...]:
        """That of the features."""
        return tuple(input_shape[0])

    def get_config(self) -> dict[str, Any]:
        """Settings to make the layer again."""
        return {**super().get_config(), "num_styles": self.num_styles, "scale": self.scale}
