"""Files that their owner alone may read."""

import os
from contextlib import suppress
from pathlib import Path


def write(path: Path, text: str) -> None:
    """The file appears whole and for its owner alone, or not at all."""
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
            file.write(text)
        draft.replace(path)
    finally:
        with suppress(FileNotFoundError):
            draft.unlink()
