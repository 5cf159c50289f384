"""The server itself, and the way to its object store."""
