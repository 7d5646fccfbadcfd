"""A model server with TensorFlow Serving's two APIs."""
