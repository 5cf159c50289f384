"""Bytes between this machine and the object store: hashes, uploads, downloads."""
