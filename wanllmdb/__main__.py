"""`python -m wanllmdb` is the `wanllmdb` command."""

from wanllmdb.sdk.cli import main

main()
