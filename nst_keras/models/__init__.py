"""Architectures, without paths or addresses."""
