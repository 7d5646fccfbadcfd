"""Serving over TensorFlow Serving's API: a client without TensorFlow, and a server for laptops and tests."""
