"""Names of Magenta's 26 styles; loads no TensorFlow."""

from nst_keras.weights.magenta import NUM_STYLES

# The paintings aren't told; numbers are those of the weights' source.
STYLE_NAMES = tuple(f"style{number}" for number in range(NUM_STYLES))
