"""The `wanllmdb` command: the same operations as in Python, for shells and scripts."""
