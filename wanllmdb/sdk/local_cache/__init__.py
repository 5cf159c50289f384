"""Files in the cache directory: how they are written, and the record of what was downloaded."""
