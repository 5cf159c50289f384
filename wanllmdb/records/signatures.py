"""Signatures of pickles, with a key that this installation makes once and keeps to itself.

The key is a file of the user's config directory, which only the user can read. Installations that trust one another
share one by the environment variable `WANLLMDB_RECORDS_KEY`.
"""

from __future__ import annotations

import hashlib
import hmac
import os
import secrets
import stat
import sys
import tempfile
from pathlib import Path

from wanllmdb.sdk.errors import Invalid
from wanllmdb.sdk.host_environment import directories
from wanllmdb.sdk.host_environment.secret import Secret

KEY_VARIABLE = "WANLLMDB_RECORDS_KEY"
_MIN_KEY = 16
# Signs this and nothing else: the same key in another place makes other signatures.
_PURPOSE = b"wanllmdb.records pickle v1\0"
_SCHEME = "hmac-sha256:"


def key_path() -> Path:
    """Where this installation's key is, or will be."""
    return directories.config_dir() / "records.key"


def sign(content: bytes) -> str:
    """The signature of these bytes. Makes the key if there is none. Raises `Invalid` if that cannot be."""
    return _SCHEME + _mac(_load_key() or _make_key(), content)


def is_valid(content: bytes, signature: str) -> bool:
    """Whether this installation has signed exactly these bytes. False if it has no key."""
    key = _load_key()
    return bool(key) and hmac.compare_digest(signature.encode(), (_SCHEME + _mac(key, content)).encode())


def _mac(key: str, content: bytes) -> str:
    # The hash of the content, so that the key meets 32 bytes and not a gigabyte.
    return hmac.new(key.encode(), _PURPOSE + hashlib.sha256(content).digest(), hashlib.sha256).hexdigest()


def _load_key() -> Secret:
    """The key, or an empty text. Raises `Invalid` for one that others could know or have put there."""
    given = os.environ.get(KEY_VARIABLE, "").strip()
    if given:
        if len(given) < _MIN_KEY:
            raise Invalid(f"{KEY_VARIABLE} is too short for a key: use at least {_MIN_KEY} characters")
        return Secret(given)
    path = key_path()
    try:
        with path.open(encoding="ascii") as file:
            if sys.platform != "win32":
                status = os.fstat(file.fileno())
                if status.st_mode & (stat.S_IRWXG | stat.S_IRWXO) or status.st_uid not in (os.getuid(), 0):
                    raise Invalid(f"Others can read or change the key {path}, so its signatures say nothing: delete it")
            key = file.read().strip()
    except (FileNotFoundError, NotADirectoryError):
        return Secret("")
    except (OSError, UnicodeDecodeError) as error:
        raise Invalid(f"The key {path} cannot be read: {getattr(error, 'strerror', None) or error}") from error
    if len(key) < _MIN_KEY:
        raise Invalid(f"{path} does not contain a key: delete it, and the next object that is stored makes a new one")
    return Secret(key)


def _make_key() -> Secret:
    path = key_path()
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        # `mkstemp` creates it with mode 0600. The link appears whole, and only if no other process was first.
        handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=".records-")
        try:
            with os.fdopen(handle, "w", encoding="ascii") as file:
                file.write(secrets.token_hex(32))
            _publish(Path(temporary), path)
        finally:
            Path(temporary).unlink(missing_ok=True)
    except OSError as error:
        reason = error.strerror or error
        raise Invalid(
            f"A Python object is stored with a signature, whose key cannot be kept in {path}: {reason}. "
            f"Set {KEY_VARIABLE} to a secret text instead"
        ) from error
    return _load_key()


def _publish(temporary: Path, path: Path) -> None:
    try:
        os.link(temporary, path)
    except FileExistsError:
        return
    except OSError:  # a file system without links
        if not path.exists():
            temporary.replace(path)
