"""Losses: they take features and fixed targets, never a network."""
