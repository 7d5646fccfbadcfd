"""Labelled sets of pictures, and sets of photos."""
