"""Padding by reflection; loads no TensorFlow."""

MIN_SIDE = 16  # pixels of what a stylizer takes; below that, reflection has nothing to mirror
