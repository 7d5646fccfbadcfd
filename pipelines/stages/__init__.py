"""The stages: typed functions from artifacts to artifacts, each with a frozen config."""
