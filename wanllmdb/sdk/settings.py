"""Settings: server, API key, project, mode. Precedence: argument, environment, config file, netrc."""

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
MODES = ("online", "offline", "disabled")


@dataclass(frozen=True)
class Settings:
    """All settings, each with its environment variable `WANLLMDB_<NAME>`."""

    base_url: str = DEFAULT_BASE_URL
    api_key: str | None = None
    project: str | None = None
    entity: str | None = None
    mode: str = "online"
    cache_dir: Path = Path()
    silent: bool = False


def load(**arguments: Any) -> Settings:
    """The settings in effect. An argument that is None counts as not given.

    Raises `Invalid` for an invalid URL or mode, and for a config file that cannot be read.
    """
    config = read_config()
    values = {name: config[name] for name in ("base_url", "project", "entity", "mode") if config.get(name)}
    values |= _from_environment()
    values |= {name: value for name, value in arguments.items() if value is not None}
    values["base_url"] = normalize_url(str(values.get("base_url", DEFAULT_BASE_URL)))
    values["cache_dir"] = Path(values.get("cache_dir") or platformdirs.user_cache_path("wanllmdb")).expanduser()
    values["silent"] = str(values.get("silent", False)).strip().lower() in ("1", "true", "yes", "on")
    mode = values.get("mode", "online")
    if mode not in MODES:
        raise errors.Invalid(f"Unknown mode {mode!r}: use 'online', 'offline' or 'disabled'")
    settings = Settings(**values)
    if settings.api_key is None:
        settings = replace(settings, api_key=_stored_key(config, settings.base_url))
    return settings


def _from_environment() -> dict[str, Any]:
    names = {field.name: f"WANLLMDB_{field.name.upper()}" for field in fields(Settings)}
    return {name: os.environ[variable] for name, variable in names.items() if os.environ.get(variable)}


def normalize_url(url: str) -> str:
    """The server's URL without a trailing slash. Raises `Invalid` unless it is http(s)://host[:port][/path]."""
    parts = urlsplit(url.strip())
    if parts.scheme not in ("http", "https") or not parts.hostname or parts.query or parts.fragment:
        raise errors.Invalid(f"{url!r} is not the URL of a server: it should look like {DEFAULT_BASE_URL}")
    if parts.username or parts.password:
        raise errors.Invalid("The server's URL must not contain a password: use an API key")
    return url.strip().rstrip("/")


# --- Stored API keys --------------------------------------------------------------------------------------------------


def config_path() -> Path:
    """The file that `login` writes, readable only by its owner."""
    return platformdirs.user_config_path("wanllmdb") / "config.json"


def read_config() -> dict[str, Any]:
    """The contents of the config file; empty if there is none."""
    path = config_path()
    try:
        config = json.loads(path.read_text("utf-8"))
    except FileNotFoundError:
        return {}
    except (OSError, ValueError) as error:
        raise errors.Invalid(f"The config file {path} cannot be read: {error}") from error
    if not isinstance(config, dict):
        raise errors.Invalid(f"The config file {path} must contain a JSON object")
    return config


def store_key(base_url: str, api_key: str) -> Path:
    """Store the key for this URL only, and make the URL the default. Returns the path of the config file."""
    path = config_path()
    path.parent.mkdir(parents=True, exist_ok=True)
    with FileLock(path.with_suffix(".lock"), mode=0o600):
        config = read_config()
        config["base_url"] = base_url
        config["keys"] = {**config.get("keys", {}), base_url: api_key}
        # `mkstemp` creates it with mode 0600.
        handle, temporary_path = tempfile.mkstemp(dir=path.parent, prefix=".config-")
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            json.dump(config, file, indent=2)
        Path(temporary_path).replace(path)
    return path


def _stored_key(config: Mapping[str, Any], base_url: str) -> str | None:
    # A key belongs to one URL and is never sent to another server.
    keys = config.get("keys")
    if isinstance(keys, dict) and isinstance(keys.get(base_url), str):
        return str(keys[base_url])
    netrc_path = Path(os.environ.get("NETRC") or Path.home() / (".netrc" if os.name != "nt" else "_netrc"))
    try:
        # `authenticators()` would fall back to `default`, which is the password of another service.
        entry = netrc.netrc(str(netrc_path)).hosts.get(urlsplit(base_url).hostname or "")
    except (OSError, ValueError, netrc.NetrcParseError):
        return None
    return entry[2] if entry else None
