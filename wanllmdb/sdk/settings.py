"""Where the server is, who we are, and which project is meant: argument > environment > config file > netrc."""

from __future__ import annotations

import json
import netrc
import os
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import platformdirs
from filelock import FileLock

from wanllmdb.sdk import errors

DEFAULT_BASE_URL = "http://127.0.0.1:8000"
MODES = ("online", "disabled")


@dataclass(frozen=True)
class Settings:
    """What every face of the SDK needs to know before it talks to anybody."""

    base_url: str = DEFAULT_BASE_URL
    api_key: str | None = None
    project: str | None = None
    entity: str | None = None
    mode: str = "online"
    cache_dir: Path = Path()
    silent: bool = False


def load(**arguments: Any) -> Settings:
    """The settings in force. An argument that is None counts as not given.

    Raises `Invalid` for an address or a mode that makes no sense, and for a config file that cannot be read.
    """
    given = {name: value for name, value in arguments.items() if value is not None}
    stored = read_config()
    found = {name: stored[name] for name in ("base_url", "project", "entity", "mode") if stored.get(name)}
    found |= _from_environment()
    found |= given
    found["base_url"] = tidy_address(str(found.get("base_url", DEFAULT_BASE_URL)))
    found["cache_dir"] = Path(found.get("cache_dir") or platformdirs.user_cache_path("wanllmdb")).expanduser()
    found["silent"] = _is_yes(found.get("silent", False))
    if found.get("mode", "online") not in MODES:
        raise errors.Invalid(_mode_refusal(found["mode"]))
    settings = Settings(**found)
    if settings.api_key is None:
        settings = replace(settings, api_key=_stored_key(stored, settings.base_url))
    return settings


def _from_environment() -> dict[str, Any]:
    names = {field.name: f"WANLLMDB_{field.name.upper()}" for field in fields(Settings)}
    return {name: os.environ[variable] for name, variable in names.items() if os.environ.get(variable)}


def _is_yes(value: object) -> bool:
    return value if isinstance(value, bool) else str(value).strip().lower() in ("1", "true", "yes", "on")


def _mode_refusal(mode: object) -> str:
    if mode == "offline":
        return "Mode 'offline' is not supported: use 'online', or 'disabled' to run without a server"
    return f"Unknown mode {mode!r}: use 'online' or 'disabled'"


def tidy_address(address: str) -> str:
    """The server's address without a trailing slash. Raises `Invalid` for what is not http(s)://host[:port][/path]."""
    parts = urlsplit(address.strip())
    if parts.scheme not in ("http", "https") or not parts.hostname or parts.query or parts.fragment:
        raise errors.Invalid(f"{address!r} is not the address of a server: it should look like {DEFAULT_BASE_URL}")
    if parts.username or parts.password:
        raise errors.Invalid("The server's address must not hold a password: use an API key")
    return address.strip().rstrip("/")


# --- Keys that outlive the process ------------------------------------------------------------------------------------


def config_path() -> Path:
    """The file that `login` writes: readable by its owner alone."""
    return platformdirs.user_config_path("wanllmdb") / "config.json"


def read_config() -> dict[str, Any]:
    """What the config file says; nothing where there is none."""
    path = config_path()
    try:
        stored = json.loads(path.read_text("utf-8"))
    except FileNotFoundError:
        return {}
    except (OSError, ValueError) as error:
        raise errors.Invalid(f"The config file {path} cannot be read: {error}") from error
    if not isinstance(stored, dict):
        raise errors.Invalid(f"The config file {path} should hold a JSON object")
    return stored


def remember_key(base_url: str, api_key: str) -> Path:
    """Keep the key for this one address, and make the address the default. Returns the file it is kept in."""
    path = config_path()
    path.parent.mkdir(parents=True, exist_ok=True)
    with FileLock(path.with_suffix(".lock"), mode=0o600):
        stored = read_config()
        stored["base_url"] = base_url
        stored["keys"] = {**stored.get("keys", {}), base_url: api_key}
        # `mkstemp` makes it 0600 from the first byte.
        handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=".config-")
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            json.dump(stored, file, indent=2)
        Path(temporary).replace(path)
    return path


def _stored_key(stored: Mapping[str, Any], base_url: str) -> str | None:
    # A key belongs to an address: one server's key is never shown to another.
    keys = stored.get("keys")
    if isinstance(keys, dict) and isinstance(keys.get(base_url), str):
        return str(keys[base_url])
    return _netrc_key(base_url)


def _netrc_key(base_url: str) -> str | None:
    path = Path(os.environ.get("NETRC") or Path.home() / (".netrc" if os.name != "nt" else "_netrc"))
    try:
        # Not `authenticators()`: that falls back to `default`, which is somebody else's password.
        found = netrc.netrc(str(path)).hosts.get(urlsplit(base_url).hostname or "")
    except (OSError, ValueError, netrc.NetrcParseError):
        return None
    return found[2] if found else None
