"""The official `wandb` clients that the tests run, each in an environment of its own beside that of the server."""

import sys
from pathlib import Path

# As `make test` installs them from requirements-wandb-*.txt.
CLIENTS = ("oldest", "newest")


def environment(client: str) -> Path:
    return Path(f"{sys.prefix}-wandb-{client}")


def python(client: str) -> Path:
    return environment(client) / "bin" / "python"
