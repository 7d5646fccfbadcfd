"""Products and convolutions in bfloat16, on CPUs that are fast at them."""

from collections.abc import Iterator
from contextlib import contextmanager

import tensorflow as tf

# TensorFlow's rewriting of graphs: weights, optimisers and losses stay float32, as they don't in a model
# whose layers have a policy. Without oneDNN, AVX-512 or on a GPU nothing is rewritten.
_REWRITE = "auto_mixed_precision_onednn_bfloat16"


@contextmanager
def bfloat16_products(wanted: bool) -> Iterator[None]:
    """Has TensorFlow compute functions that are called meanwhile partly in bfloat16, or wholly in float32.

    That is a setting of the process: threads that want different ones must not overlap.
    """
    before = tf.config.optimizer.get_experimental_options().get(_REWRITE, False)
    if before == wanted:  # the usual case, in which nothing of the process is touched
        yield
        return
    tf.config.optimizer.set_experimental_options({_REWRITE: wanted})
    try:
        yield
    finally:
        tf.config.optimizer.set_experimental_options({_REWRITE: before})
