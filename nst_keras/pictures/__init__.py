"""A photo from a file to pixels and back; videos and sample pictures too."""
