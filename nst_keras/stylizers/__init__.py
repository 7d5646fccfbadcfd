"""Networks that paint in one pass: what they share, and a folder for each architecture."""
