"""`python -m wanllmdb` is the `wanllmdb` command."""

from wanllmdb.sdk.cli.main import main

main()
