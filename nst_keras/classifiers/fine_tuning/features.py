"""A pretrained base: its features of pictures, computed once, and how its upper layers learn later."""

from collections.abc import Callable, Mapping

import keras
import numpy as np
import tensorflow as tf

from nst_keras.classifiers.fine_tuning.feature_store import FeatureStore, picture_key
from nst_keras.data.image_dataset import Split
from nst_keras.errors import InputError, require_choice

_BATCH = 16


def compute_features(
    model: keras.Model,
    split: Split,
    store: FeatureStore,
    *,
    mirrored: bool = False,
    progress: Callable[[int, int], None] = lambda done, count: None,
) -> tuple[np.ndarray, np.ndarray]:
    """Returns features of a split and labels, from the store where it has them; new ones are kept there.

    The model takes pixels 0..255. If `mirrored`, each picture's mirror image comes too, behind all pictures.
    `progress` is called with the number of pictures done and that of all.
    """
    images, labels = split.arrays()
    if mirrored:
        images, labels = np.concatenate([images, images[:, :, ::-1]]), np.concatenate([labels, labels])
    keys = [picture_key(image) for image in images]
    known = store.get(keys)
    missing = [number for number, key in enumerate(keys) if key not in known]
    run = tf.function(lambda batch: model(tf.cast(batch, tf.float32), training=False), reduce_retracing=True)
    for start in range(0, len(missing), _BATCH):
        some = missing[start : start + _BATCH]
        vectors = run(tf.constant(images[some])).numpy()
        fresh = {keys[number]: vector for number, vector in zip(some, vectors, strict=True)}
        store.put(fresh)
        known |= fresh
        progress(len(keys) - len(missing) + start + len(some), len(keys))
    return np.stack([known[key] for key in keys]), labels


def unfreeze(base: keras.Model, layer: str) -> None:
    """Makes a base trainable from a layer on; batch normalisations stay as they are."""
    names = [each.name for each in base.layers if each.weights]
    require_choice("unfreeze", layer, names)
    base.trainable = True
    reached = False
    for each in base.layers:
        reached = reached or each.name == layer
        each.trainable = reached and not isinstance(each, keras.layers.BatchNormalization)


def layer_rates(base: keras.Model, decay: float) -> Mapping[str, float]:
    """Factors on the learning rate by path of variable: a power of `decay`, less towards the input.

    The exponent is the layer's distance from the head, where layers without weights don't count.
    """
    layers = [each for each in base.layers if each.trainable_variables]
    if not layers:
        raise InputError(f"{base.name} has no trainable layer")
    return {
        variable.path: decay ** (len(layers) - position)
        for position, each in enumerate(layers)
        for variable in each.trainable_variables
    }
