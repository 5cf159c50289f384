"""Everything on one machine from one command, `make run`: `python -m deploy.embedded` is what it starts."""
