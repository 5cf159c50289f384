"""Settings: server, API key, project, mode. Precedence: argument, environment, config file, netrc."""

from __future__ import annotations

import json
import os
import re
import tempfile
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, fields, replace
from pathlib import Path, PurePath
from typing import Any
from urllib.parse import urlsplit

from filelock import FileLock

from wanllmdb.sdk import byte_sizes, errors
from wanllmdb.sdk.host_environment import api_keys, directories
from wanllmdb.sdk.host_environment.secret import Secret

DEFAULT_BASE_URL = "http://127.0.0.1:8000"
DEFAULT_CACHE_SIZE = 50 << 30
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
    hash_cache: bool = True
    cache_size: int = DEFAULT_CACHE_SIZE
    """Of the contents that are cached, in bytes; 0 switches the cache off."""
    cache_hard_links: bool = False
    """Whether downloaded files are hard links of cached ones, and so are read-only."""
    shared_caches: tuple[Path, ...] = ()
    """Cache directories of others, which are only read."""


def load(**arguments: Any) -> Settings:
    """The settings in effect. An argument that is None counts as not given.

    Raises `Invalid` for an invalid URL or mode, and for a config file with invalid contents; `AuthenticationError` for
    an API key that cannot be one. A config file or `.netrc` that cannot be opened counts as missing.
    """
    arguments["api_key"] = api_keys.clean(arguments.get("api_key"))
    config = read_config()
    values = {name: config[name] for name in ("base_url", "project", "entity", "mode") if config.get(name)}
    values |= {"base_url": _logins.base_url} if _logins.base_url else {}
    values |= _from_environment()
    values |= {name: value for name, value in arguments.items() if value is not None}
    values["base_url"] = normalize_url(str(values.get("base_url", DEFAULT_BASE_URL)))
    cache_dir = values.get("cache_dir")
    values["cache_dir"] = directories.expand(cache_dir).absolute() if cache_dir else directories.cache_dir()
    values["cache_size"] = byte_sizes.parse(values.get("cache_size", DEFAULT_CACHE_SIZE))
    values["shared_caches"] = _paths(values.get("shared_caches", ""))
    for name, default in (("cache_hard_links", False), ("hash_cache", True), ("silent", False)):
        values[name] = str(values.get(name, default)).strip().lower() in ("1", "true", "yes", "on")
    mode = values.get("mode", "online")
    if mode not in MODES:
        raise errors.Invalid(f"Unknown mode {mode!r}: use 'online', 'offline' or 'disabled'")
    settings = Settings(**values)
    if settings.api_key is None:
        return replace(settings, api_key=_stored_key(config, settings.base_url))
    if mode == "online":
        is_argument = arguments["api_key"] is not None
        api_keys.require_valid(settings.api_key, "that was passed" if is_argument else "in WANLLMDB_API_KEY")
    return settings


def _paths(value: str | Iterable[str | PurePath]) -> tuple[Path, ...]:
    """Directories, in a text separated as in PATH."""
    items = value.split(os.pathsep) if isinstance(value, str) else value
    return tuple(directories.expand(item).absolute() for item in items if str(item).strip())


def _from_environment() -> dict[str, Any]:
    values: dict[str, Any] = {}
    for name in (field.name for field in fields(Settings)):
        text = os.environ.get(f"WANLLMDB_{name.upper()}", "").strip()
        if text:
            values[name] = api_keys.clean(text) if name == "api_key" else text
    return values


def normalize_url(url: str) -> str:
    """The server's URL without a trailing slash. Raises `Invalid` unless it is http(s)://host[:port][/path]."""
    text = url.strip()
    try:
        parts = urlsplit(text)
        # A name in other scripts is sent in ASCII, as browsers do.
        host, port = (parts.hostname or "").encode("idna").decode(), parts.port
    except ValueError:  # a host or port that cannot be one; UnicodeError is a ValueError
        parts, host, port = urlsplit(""), "", None
    if parts.username or parts.password:
        raise errors.Invalid("The server's URL must not contain a password: use an API key")
    if (
        parts.scheme not in ("http", "https")
        or not host
        or parts.query
        or parts.fragment
        or re.search(r"[\s\x00-\x1f\x7f]", text)
    ):
        # What stands before an @ may be a password.
        raise errors.Invalid(
            f"{text.rpartition('@')[2]!r} is not the URL of a server: it should look like {DEFAULT_BASE_URL}"
        )
    netloc = (f"[{host}]" if ":" in host else host) + (f":{port}" if port is not None else "")
    return f"{parts.scheme}://{netloc}{parts.path.rstrip('/')}"


# --- Stored API keys --------------------------------------------------------------------------------------------------


@dataclass
class _Logins:
    """What `login` could not store: known to this process only."""

    base_url: str | None
    keys: dict[str, Secret]


_logins = _Logins(None, {})


class KeyNotStored(OSError):
    """The config file cannot be written. Until the process ends, `load` finds the key all the same."""


def config_path() -> Path:
    """The file that `login` writes, readable only by its owner."""
    return directories.config_dir() / "config.json"


def read_config() -> dict[str, Any]:
    """The contents of the config file; empty if there is none, or none that this user can open."""
    path = config_path()
    try:
        text = path.read_text("utf-8-sig")
    except OSError:
        return {}
    except ValueError as error:
        raise errors.Invalid(f"The config file {path} cannot be read: it is not valid UTF-8") from error
    try:
        config = json.loads(text) if text.strip() else {}
    except ValueError:
        # The cause would show the text, which has keys.
        raise errors.Invalid(f"The config file {path} cannot be read: it is not valid JSON") from None
    if not isinstance(config, dict):
        raise errors.Invalid(f"The config file {path} must contain a JSON object")
    for name in ("base_url", "project", "entity", "mode"):
        if not isinstance(config.get(name) or "", str):
            raise errors.Invalid(f"The config file {path} must contain a string as {name!r}")
    return config


def store_key(base_url: str, api_key: str) -> Path:
    """Store the key for this URL only, and make the URL the default. Returns the path of the config file.

    Raises `KeyNotStored`.
    """
    path = config_path()
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        with FileLock(path.with_suffix(".lock"), mode=0o600):
            config = read_config()
            keys = config.get("keys")
            config["base_url"] = base_url
            config["keys"] = {**(keys if isinstance(keys, dict) else {}), base_url: api_key}
            _replace_file(path, json.dumps(config, indent=2))
    except (OSError, NotImplementedError) as error:  # some file systems have no locks
        _logins.base_url, _logins.keys[base_url] = base_url, Secret(api_key)
        reason = getattr(error, "strerror", None) or error
        raise KeyNotStored(
            f"The API key is valid, but cannot be stored in {path}: {reason}. Set WANLLMDB_API_KEY instead"
        ) from error
    return path


def _replace_file(path: Path, text: str) -> None:
    # The file itself where the path is a link to it.
    path = Path(os.path.realpath(path))
    # `mkstemp` creates it with mode 0600.
    handle, temporary_path = tempfile.mkstemp(dir=path.parent, prefix=".config-")
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.write(text)
        Path(temporary_path).replace(path)
    except BaseException:
        Path(temporary_path).unlink(missing_ok=True)
        raise


def _stored_key(config: Mapping[str, Any], base_url: str) -> str | None:
    # A key belongs to one URL and is never sent to another server.
    if base_url in _logins.keys:
        return _logins.keys[base_url]
    stored = config.get("keys")
    for url, value in stored.items() if isinstance(stored, dict) else ():
        key = api_keys.clean(value)
        if key and api_keys.is_valid(key) and _is_same_url(url, base_url):
            return key
    return api_keys.from_netrc(base_url)


def _is_same_url(url: str, base_url: str) -> bool:
    try:
        return normalize_url(url) == base_url
    except errors.Invalid:
        return False
