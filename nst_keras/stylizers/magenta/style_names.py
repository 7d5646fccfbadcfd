"""Names of Magenta's 26 styles; importing this loads no NumPy."""

from nst_keras.weights.magenta_release import NUM_STYLES

# The paintings aren't told; numbers are those of the weights' source.
STYLE_NAMES = tuple(f"style{number}" for number in range(NUM_STYLES))
