"""What is served of a stylizer of any painting."""

from collections.abc import Callable

import tensorflow as tf

from nst_keras.models.arbitrary_style import CODE_LAYER, MIN_SIDE, assemble, build_encoder
from nst_keras.ops.instance_statistics import instance_statistics
from nst_keras.served.picture_checks import limited
from nst_keras.stylizers.arbitrary.file import load_encoder, read_arbitrary_stylizer
from nst_keras.stylizers.served import Served

# Of files; they are made smaller before the network sees them.
_MAX_FILE_PIXELS = 2**24


def serve(spec: str, note: Callable[[str], None]) -> Served:
    """The decoder behind the encoder."""
    stylizer = read_arbitrary_stylizer(spec)
    weights = load_encoder(stylizer, note)
    # Winograd's filters would be saved too, several times as large.
    encoder = build_encoder(weights, convolution="direct")
    model = assemble(encoder, stylizer.decoder)

    def stylize(images: tf.Tensor, paintings: tf.Tensor) -> tf.Tensor:
        # Strokes are learnt at the size that paintings had in training.
        paintings = limited(paintings, tf.constant(stylizer.style_size), MIN_SIDE)
        mean, deviation = instance_statistics(encoder(paintings)[CODE_LAYER])
        inputs = {"mean": mean, "deviation": deviation, "strength": tf.ones([tf.shape(images)[0], 1, 1, 1])}
        return model({"image": images, **inputs}, training=False)

    card = {**stylizer.card, "weights": stylizer.digest(weights), "style_size": stylizer.style_size}
    return Served(stylize, model.weights, card, MIN_SIDE, max_file_pixels=_MAX_FILE_PIXELS)
