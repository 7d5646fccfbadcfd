"""What code an output follows from."""
