"""Classifiers: data, training, report."""
