"""The studio: a page where people paint, served to this machine alone, and the work behind it."""
