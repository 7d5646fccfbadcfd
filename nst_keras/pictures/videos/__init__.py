"""Videos as pictures one after the other: reading, writing, and keeping them steady."""
