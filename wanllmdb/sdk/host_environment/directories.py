"""The user's directories. A user may have none, as in many containers: then nothing is read from them or stored."""

from __future__ import annotations

import os
import stat
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path, PurePath

import platformdirs

from wanllmdb.sdk import errors

if sys.platform != "win32":
    import pwd

# Nothing can be created in it.
_NOWHERE = Path(os.devnull, "wanllmdb")


def home() -> Path | None:
    """The home directory: `HOME`, or that of the user's account. None if there is neither."""
    if sys.platform == "win32":
        return _expand_user("~")
    path = os.environ.get("HOME", "")
    if not path:
        try:
            path = pwd.getpwuid(os.getuid()).pw_dir
        except KeyError:
            return None
    return Path(path) if Path(path).is_absolute() else None


def expand(path: str | PurePath) -> Path:
    """The path with `~` replaced by the home directory. Raises `Invalid` if there is none."""
    parts = PurePath(path).parts
    if not parts or not parts[0].startswith("~"):
        return Path(path)
    directory = home() if parts[0] == "~" else _expand_user(parts[0])
    if directory is None:
        raise errors.Invalid(f"{str(path)!r} is in a home directory that does not exist: use the full path")
    return directory.joinpath(*parts[1:])


def _expand_user(text: str) -> Path | None:
    try:
        path = Path(text).expanduser()
    except RuntimeError:
        return None
    return path if path.is_absolute() else None


def config_dir() -> Path:
    """Where the config file is; without a home directory, a place where nothing can be."""
    return _user_dir("XDG_CONFIG_HOME", ".config", platformdirs.user_config_path) or _NOWHERE


def cache_dir() -> Path:
    """Where files are kept that can be made again; without a home directory, below that of temporary files."""
    return _user_dir("XDG_CACHE_HOME", ".cache", platformdirs.user_cache_path) or _temporary_dir() or _NOWHERE


def _user_dir(variable: str, folder: str, platform_dir: Callable[[str], Path]) -> Path | None:
    if sys.platform in ("win32", "darwin"):
        path = platform_dir("wanllmdb")
        return path if path.is_absolute() else None
    base = Path(os.environ.get(variable, ""))
    if base.is_absolute():  # the XDG specification says to ignore a relative path
        return base / "wanllmdb"
    directory = home()
    return directory / folder / "wanllmdb" if directory else None


def _temporary_dir() -> Path | None:
    """A directory of this user only; None if somebody else has made it, who could put links into it."""
    if sys.platform == "win32":
        return None
    try:
        path = Path(tempfile.gettempdir(), f"wanllmdb-{os.getuid()}")
        path.mkdir(mode=0o700, exist_ok=True)
        status = path.lstat()
    except OSError:
        return None
    is_private = stat.S_ISDIR(status.st_mode) and status.st_uid == os.getuid() and not status.st_mode & 0o022
    return path if is_private else None
