"""TensorFlow Serving's protocol, without TensorFlow."""
