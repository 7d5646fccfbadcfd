"""How stylizers are trained, whatever their architecture."""
