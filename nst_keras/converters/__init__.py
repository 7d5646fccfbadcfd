"""Foreign weight files to and from our models."""
