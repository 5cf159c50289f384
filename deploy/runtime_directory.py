"""Where the stack's unix sockets are: a directory that no other account may enter."""

import hashlib
import os
import stat
import tempfile
from contextlib import suppress
from pathlib import Path

# The system takes 107 bytes for the path of a socket; this leaves room for our names in the directory.
MAX_PATH_BYTES = 80


def create(var: Path, owner: int | None = None) -> Path:
    """`run/` in `var`, or, where that path is too long for a socket, a directory of its own for temporary files.

    It is for this account, or for `owner`, if root makes it for another one.
    """
    owner = os.getuid() if owner is None else owner
    directory = var / "run"
    if len(os.fsencode(directory)) > MAX_PATH_BYTES:
        digest = hashlib.sha256(os.fsencode(var)).hexdigest()[:12]
        directory = Path(tempfile.gettempdir()) / f"wanllmdb-{os.getuid()}-{digest}"
    with suppress(FileExistsError):
        directory.mkdir(mode=0o700)
        os.chown(directory, owner, -1)
    status = directory.lstat()
    # Others can write to the place for temporary files too, and may have been there first.
    if not stat.S_ISDIR(status.st_mode) or status.st_uid != owner:
        raise SystemExit(f"{directory} belongs to somebody else: remove it, or set WANLLMDB_VAR_DIR to a shorter path.")
    directory.chmod(0o700)
    return directory
