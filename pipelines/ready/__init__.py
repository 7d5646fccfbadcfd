"""Pipelines that come along: each module has a function `pipeline(serving_dir)`."""
