"""What is known of a style transfer before TensorFlow loads."""

from nst_keras.pictures.by_name import PictureReader
from nst_keras.pictures.record import Records
from nst_keras.transfer.settings import INITS, StyleTransferSettings


def records_of(
    settings: StyleTransferSettings, vgg: str, kernel_order: str, digest: str, read: PictureReader
) -> Records:
    """Records of pictures that are made with a network, whose weights have a digest."""
    maker = {"vgg": vgg, "kernel_order": kernel_order, "vgg_digest": digest}
    return Records(settings, maker, read, "" if settings.init in INITS else settings.init)
