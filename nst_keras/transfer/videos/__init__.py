"""Videos by optimisation: each frame goes on from the ones before, moved along."""
