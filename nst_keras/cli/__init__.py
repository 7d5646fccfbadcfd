"""Command lines: flags and messages, nothing that another module could need."""
