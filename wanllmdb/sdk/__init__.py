"""The Python SDK and the command line. Nothing here imports the server, and the server imports nothing of this."""

__version__ = "0.1.0"
