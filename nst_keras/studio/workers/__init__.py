"""Processes in which TensorFlow paints, how the server talks with them, and what they are told."""
