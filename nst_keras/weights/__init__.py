"""Weights of other people's networks: where they come from, and how their files become our models."""
