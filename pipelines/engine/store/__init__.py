"""What a pipeline root remembers: metadata, and artifacts by their contents."""
