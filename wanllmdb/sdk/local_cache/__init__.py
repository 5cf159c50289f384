"""The cache directory: the bytes of what was downloaded, the record of that, and how files are written there."""
