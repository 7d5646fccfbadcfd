"""Stylizers of any painting: adaptive instance normalisation."""
