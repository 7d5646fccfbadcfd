"""SavedModels: what their graphs check, and the numbered folders that a model server reads."""

IMAGE_FORMATS = ("png", "jpeg")  # of pictures that served models return
