"""API keys as they come from people, secrets and files: cleaned before use, and shown in no text."""

from __future__ import annotations

import netrc
import os
import re
import sys
from pathlib import Path
from urllib.parse import urlsplit

from wanllmdb.sdk import errors
from wanllmdb.sdk.host_environment import directories
from wanllmdb.sdk.host_environment.secret import Secret

# What the header can hold: RFC 6750, section 2.1.
_BEARER_TOKEN = re.compile(r"[A-Za-z0-9._~+/-]+=*")
# A byte order mark and a zero-width space come along where people copy.
_INVISIBLE = "\ufeff\u200b"


def clean(key: object) -> Secret | None:
    """The key without whitespace around it, such as the line break at the end of a file; None if nothing is left."""
    text = str.__str__(key).strip().strip(_INVISIBLE).strip() if isinstance(key, str) else ""
    return Secret(text) if text else None


def is_valid(key: str) -> bool:
    """Whether it can be sent at all."""
    return _BEARER_TOKEN.fullmatch(key) is not None


def require_valid(key: str, source: str) -> None:
    """Raises `AuthenticationError` if the key cannot be sent. The message has its source, not the key."""
    if is_valid(key):
        return
    if re.search(r"[\r\n]", key):
        problem = "a line break"
    elif re.search(r"\s", key):
        problem = "a space"
    elif key[0] in "'\"" or key[-1] in "'\"":
        problem = "quotation marks"
    elif "…" in key or "..." in key:
        problem = "'…', so it is not complete"
    else:
        problem = "a character that no key has"
    raise errors.AuthenticationError(f"The API key {source} contains {problem}: copy the key again")


def from_netrc(base_url: str) -> Secret | None:
    """The password for the server's host in `.netrc`. Whatever is wrong with the file, it is as if there were none."""
    host = urlsplit(base_url).hostname or ""
    for path in _netrc_paths():
        try:
            # `authenticators()` would fall back to `default`, which is the password of another service.
            entry = netrc.netrc(str(path)).hosts.get(host)
        except (OSError, ValueError, netrc.NetrcParseError):
            continue
        key = clean(entry[2]) if entry else None
        if key and is_valid(key):
            return key
    return None


def _netrc_paths() -> list[Path]:
    named, home = os.environ.get("NETRC"), directories.home()
    if named:
        try:
            return [directories.expand(named)]
        except errors.Invalid:
            return []
    names = (".netrc", "_netrc") if sys.platform != "win32" else ("_netrc", ".netrc")
    return [home / name for name in names] if home else []
