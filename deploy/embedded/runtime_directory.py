"""Where the stack's unix sockets are: a directory that no other account may enter."""

import hashlib
import os
import stat
import tempfile
from pathlib import Path

# The system takes 107 bytes for the path of a socket; this leaves room for our names in the directory.
MAX_PATH_BYTES = 80


def create(var: Path) -> Path:
    """`run/` in `var`, or, where that path is too long for a socket, a directory of its own for temporary files."""
    directory = var / "run"
    if len(os.fsencode(directory)) > MAX_PATH_BYTES:
        digest = hashlib.sha256(os.fsencode(var)).hexdigest()[:12]
        directory = Path(tempfile.gettempdir()) / f"wanllmdb-{os.getuid()}-{digest}"
    directory.mkdir(mode=0o700, exist_ok=True)
    found = directory.lstat()
    # Others can write to the place for temporary files too, and may have been there first.
    if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.getuid():
        raise SystemExit(f"{directory} belongs to somebody else: remove it, or set WANLLMDB_VAR_DIR to a shorter path.")
    directory.chmod(0o700)
    return directory
