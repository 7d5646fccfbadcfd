"""A photo and a painting to a picture, by optimisation."""
