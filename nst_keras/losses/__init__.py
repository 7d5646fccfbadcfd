"""Losses: they take features and fixed targets, never a network. `terms` is the one list of them."""
