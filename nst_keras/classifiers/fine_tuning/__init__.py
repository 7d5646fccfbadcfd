"""Re-training of a pretrained network."""
