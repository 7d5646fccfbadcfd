"""What a stylizer's networks run on."""
