"""What the trainers of classifiers share."""
