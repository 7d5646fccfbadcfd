"""What pictures of a set are like, what they must be like, and where they aren't."""
