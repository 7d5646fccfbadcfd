"""What nst-stylize does after its flags."""
