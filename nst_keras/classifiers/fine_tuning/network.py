"""A classifier on a pretrained base: its features of a picture, and a small head that is trained anew."""

from collections.abc import Sequence

import keras

from nst_keras.classifiers.fine_tuning.settings import HEAD_POOLINGS
from nst_keras.errors import InputError, require_choice
from nst_keras.layers.imagenet_preprocessing import ImageNetPreprocessing

_L = keras.layers
_POOLINGS = {"average": _L.GlobalAveragePooling2D, "max": _L.GlobalMaxPooling2D}


def feature_model(
    base: keras.Model,
    *,
    channels: int,
    image_size: int,
    preprocessing: ImageNetPreprocessing,
    pooling: str = "average",
) -> keras.Model:
    """Builds the way from raw pixels 0..255 [batch, any, any, channels] to features [batch, features].

    Preprocessing is part of it, so that whoever uses the model can't get it wrong: pictures of any size are
    cut and resized to the base's (centred, bilinear, anti-aliased), gray ones become RGB, and pixels
    get the scale that the base was trained with. The base is frozen; that also keeps the statistics of
    its batch normalisations, which no call with `training=False` inside a model would.

    Args:
        base: From its own input [batch, height, width, 3] to a feature map; the layer "base" of the result.
        channels: 1 or 3, of the pictures.
        image_size: Height and width that the base sees, in pixels.
        preprocessing: What the base expects of pixels.
        pooling: "average" or "max" over the map's positions, or "both" side by side. What is pooled gets
            length 1, so that contrast and the size of a map's numbers don't matter.
    """
    require_choice("pooling", pooling, HEAD_POOLINGS)
    if channels not in (1, 3):
        raise InputError(f"channels must be 1 or 3. Received: channels={channels}")
    inputs = keras.Input((None, None, channels), name="image")
    x = _L.Resizing(image_size, image_size, antialias=True, crop_to_aspect_ratio=True, name="resize")(inputs)
    base.trainable = False
    x = base(preprocessing(x), training=False)
    if 0 in x.shape[1:3]:
        raise InputError(f"image_size={image_size} leaves nothing of a picture after {base.name}")
    names = ("average", "max") if pooling == "both" else (pooling,)
    vectors = [_L.UnitNormalization(name=f"{name}_unit")(_POOLINGS[name](name=name)(x)) for name in names]
    x = _L.Concatenate(name="pooled")(vectors) if len(vectors) > 1 else vectors[0]
    return keras.Model(inputs, x, name="features")


def head_model(
    num_features: int, num_classes: int, *, hidden: Sequence[int] = (), dropout: float = 0.5
) -> keras.Model:
    """Builds dense layers from a feature vector [batch, num_features] to logits [batch, num_classes].

    Features are standardised first, by the mean and variance that `adapt` gives the layer "standardize". It
    is one of each for all features: one that is hardly ever above 0 in a few pictures must not be blown up.
    `hidden` are the units of dense layers before the last, usually none or one; `dropout` is the share of a
    dense layer's inputs that is left out in training.
    """
    if num_classes < 2:
        raise InputError(f"num_classes must be at least 2. Received: num_classes={num_classes}")
    inputs = keras.Input((num_features,), name="features")
    x = _L.Normalization(axis=None, name="standardize")(inputs)
    for number, units in enumerate(hidden, start=1):
        x = _L.Dropout(dropout, name=f"dropout{number}")(x)
        x = _L.Dense(units, activation="relu", kernel_initializer="he_normal", name=f"dense{number}")(x)
    x = _L.Dropout(dropout, name="dropout")(x)
    return keras.Model(inputs, _L.Dense(num_classes, name="logits")(x), name="head")


def classifier(features: keras.Model, head: keras.Model, *, name: str = "classifier") -> keras.Model:
    """Joins both into one model from pixels 0..255 [batch, any, any, channels] to logits [batch, classes]."""
    x = features.output
    # Layer by layer: dropout in a model within a model stays on when nobody says `training=False`.
    for layer in head.layers[1:]:
        x = layer(x)
    return keras.Model(features.input, x, name=name)
