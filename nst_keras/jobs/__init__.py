"""Whole runs: files in, files out, with progress, checkpoints and signals."""
