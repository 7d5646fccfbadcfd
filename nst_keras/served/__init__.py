"""SavedModels: what their graphs check, and the numbered folders that a model server reads."""
