"""What is served of a trained stylizer of any painting."""

from collections.abc import Callable

import tensorflow as tf

from nst_keras.models.arbitrary_style import CODE_LAYER, assemble, build_encoder
from nst_keras.ops.blending import apply_strength
from nst_keras.ops.instance_statistics import instance_statistics
from nst_keras.ops.reflection import MIN_SIDE
from nst_keras.served.picture_checks import limited
from nst_keras.stylizers.arbitrary.encoder import load_encoder
from nst_keras.stylizers.arbitrary.file import read_arbitrary_stylizer
from nst_keras.stylizers.arbitrary.painter import ArbitraryPainter
from nst_keras.stylizers.served import Served, spun

_MAX_FILE_PIXELS = 2**24  # of a served one's files, which are made smaller before the network sees them


def serve(spec: str, note: Callable[[str], None], passes: int | None = None) -> Served:
    """The decoder behind the encoder."""
    passes = passes or ArbitraryPainter.passes
    stylizer = read_arbitrary_stylizer(spec)
    weights = load_encoder(stylizer.encoder, note)
    # Winograd's filters would be saved too, several times as large.
    encoder = build_encoder(weights, convolution="direct")
    model = assemble(encoder, stylizer.decoder)

    def look(paintings: tf.Tensor) -> tf.Tensor:
        # Strokes are learnt at the size that paintings had in training.
        paintings = limited(paintings, tf.constant(stylizer.style_size), MIN_SIDE)
        return tf.concat(instance_statistics(encoder(paintings)[CODE_LAYER]), axis=1)

    def stylize(images: tf.Tensor, looked: tf.Tensor, strength: tf.Tensor) -> tf.Tensor:
        mean, deviation = tf.split(looked, 2, axis=1)
        inputs = {"mean": mean, "deviation": deviation, "strength": tf.ones([tf.shape(images)[0], 1, 1, 1])}

        def paint(padded: tf.Tensor) -> tf.Tensor:
            return model({"image": padded, **inputs}, training=False)

        return apply_strength(images, spun(paint, images, passes, ArbitraryPainter.grid), strength)

    own = {"weights": stylizer.digest(weights), "style_size": stylizer.style_size, "passes": passes}
    card = {**stylizer.card, **own}
    return Served(stylize, model.weights, card, MIN_SIDE, max_file_pixels=_MAX_FILE_PIXELS, look=look)
