"""Formats of served pictures; importing this loads no TensorFlow."""

IMAGE_FORMATS = ("png", "jpeg")
