"""Mode `offline`: runs and artifacts are kept in the cache directory, and sent later by `wanllmdb sync`."""
