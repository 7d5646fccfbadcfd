"""Stylizers that Magenta trained: of any painting, and of 26 styles."""
