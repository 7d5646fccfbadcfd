"""How good a trained model is, and whether it may be pushed."""
