"""HTTP for every server of the package: errors with a status, bodies within limits, uvicorn in a thread."""
