"""Stylizers of named styles: conditional instance normalisation."""
