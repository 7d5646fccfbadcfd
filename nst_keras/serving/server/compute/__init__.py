"""What answers requests: models in memory, in this process or in others that may be ended."""
