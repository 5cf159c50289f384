"""The Python SDK and the command line. It imports nothing of the server, and the server imports nothing of it."""

__version__ = "0.1.0"
