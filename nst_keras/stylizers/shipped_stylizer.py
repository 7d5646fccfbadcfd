"""Where the stylizer that comes with the package lies; importing this loads nothing heavy."""

from importlib import resources

# Trained for the package; its model card lies beside it.
SHIPPED = resources.files("nst_keras") / "stylizers" / "paintings.npz"
