"""Optimisation and training loops, and their settings."""
