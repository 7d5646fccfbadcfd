"""Pretrained bases for classifiers: our VGG-19, or a network of keras.applications with a weight file."""

import hashlib
import inspect
from dataclasses import dataclass

import keras

from nst_keras.errors import InputError, require_choice
from nst_keras.layers.imagenet_preprocessing import ImageNetPreprocessing
from nst_keras.models.vgg19 import vgg19
from nst_keras.storage.files import open_file
from nst_keras.weights.vgg19 import load_vgg19

VGG19 = "vgg19"

# Networks whose preprocess_input does something; the others have it as their first layer.
_MODES = dict.fromkeys(("vgg", "resnet50", "resnet101", "resnet152"), "caffe") | {"densenet": "torch"}
_MODES |= dict.fromkeys(("resnet50v2", "resnet101v2", "resnet152v2", "inception", "xception"), "tf")
_MODES |= dict.fromkeys(("mobilenet", "mobilenetv2", "nasnet"), "tf") | {"mobilenetv3": "none"}


@dataclass(frozen=True)
class Base:
    """A pretrained network from preprocessed pixels [batch, height, width, 3] to a layer's feature map.

    The digest is a hash of its weights.
    """

    name: str
    network: keras.Model
    preprocessing: ImageNetPreprocessing
    layer: str
    digest: str


def load_base(name: str, *, layer: str = "", weights: str = "") -> Base:
    """Builds a pretrained network up to a layer.

    Args:
        name: "vgg19", or a network of keras.applications such as "MobileNetV2".
        layer: The layer to end with; empty for the last one before the classifier.
        weights: For vgg19 as `load_vgg19` takes it; else the path of a weight file of keras.applications
            ("notop"), which the user has.

    Raises:
        InputError: If the network or the layer isn't known, with the list, or the weights can't be used.
    """
    if name == VGG19:
        values = load_vgg19(weights)
        network = vgg19(values, deepest=layer or "pool5", convolution="direct")
        preprocessing = ImageNetPreprocessing("vgg", values.mean_pixel)
        return Base(name, network, preprocessing, layer or "pool5", values.digest)
    builders = {
        key: value
        for key, value in vars(keras.applications).items()
        if inspect.isfunction(value) or (callable(value) and key[0].isupper())
    }
    require_choice("base", name, (VGG19, *sorted(builders)))
    if not weights:
        raise InputError(f"--base_weights: {name} needs a weight file of keras.applications (…_notop.h5)")
    with open_file(weights) as file:
        digest = hashlib.sha256(file.read()).hexdigest()
    try:
        network = builders[name](include_top=False, weights=None, input_shape=(None, None, 3))
        network.load_weights(weights)
    except (ValueError, OSError, KeyError) as error:
        reason = str(error).strip().partition("\n")[0]
        raise InputError(f"{weights}: doesn't hold the weights of {name} without top: {reason}") from error
    known = [known_layer.name for known_layer in network.layers]
    if layer:
        require_choice("layer", layer, known)
        network = keras.Model(network.input, network.get_layer(layer).output, name=name.lower())
    mode = _mode(name)
    return Base(name, network, ImageNetPreprocessing(mode), layer or known[-1], digest)


def _mode(name: str) -> str:
    fitting = [key for key in _MODES if name.lower().startswith(key)]
    return _MODES[max(fitting, key=len)] if fitting else "none"
