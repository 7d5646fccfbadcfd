"""TFX-like pipelines over nst_keras: stages, artifacts, a metadata store, and commands that run them."""
