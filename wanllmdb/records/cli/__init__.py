"""`wanllmdb records …`: the records of a database or of a server's hierarchy, for shells and scripts."""
