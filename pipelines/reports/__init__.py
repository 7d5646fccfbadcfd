"""Pages that open from disk, and what they are drawn with."""
