"""`login`: an API key is checked with the server, and stored."""

from __future__ import annotations

import getpass
import sys
from typing import Any

from wanllmdb.sdk import errors, settings, wandb_names
from wanllmdb.sdk.arguments import checked
from wanllmdb.sdk.console import Console
from wanllmdb.sdk.host_environment import api_keys
from wanllmdb.sdk.http_client import Client


@checked(ignored=wandb_names.LOGIN, renamed={"host": "base_url"})
def login(
    key: str | None = None, base_url: str | None = None, relogin: bool | None = None, *, prompt: bool | None = True
) -> bool:
    """Check an API key with the server, and store it in the config file. Returns True, or raises.

    Without `key` the current one is checked; if there is none, or with `relogin`, the terminal prompts for it, unless
    `prompt` is False. `host` is another word for `base_url`.
    Where the config file cannot be written, there is a warning, and this process has the key.
    In the modes `offline` and `disabled` nothing is checked or stored.
    Raises `AuthenticationError` if the server rejects the key, or if there is none and no terminal.
    """
    key = api_keys.clean(key)  # from here on, no traceback shows it
    current = settings.load(base_url=base_url)
    if current.mode != "online":
        if current.mode == "offline":
            Console(silent=current.silent).info("The mode is offline: the API key is neither checked nor stored")
        return True
    try:
        sign_in(key, base_url, bool(relogin), may_prompt=bool(prompt))
    except settings.KeyNotStored as error:
        Console().warning(f"{error}. Until then only this process has it")
    return True


def sign_in(key: str | None, base_url: str | None, relogin: bool, *, may_prompt: bool = True) -> dict[str, Any]:
    """`login`, returning the response of `/me` and the `base_url`. Raises `KeyNotStored` where that is the case."""
    current = settings.load(base_url=base_url, api_key=key)
    is_new = key is not None
    if key is None and (current.api_key is None or relogin):
        if not may_prompt or not sys.stdin or not sys.stdin.isatty():
            raise errors.AuthenticationError(f"No API key for {current.base_url}: pass one, or set WANLLMDB_API_KEY")
        is_new = True
        typed = api_keys.clean(getpass.getpass(f"API key for {current.base_url}: "))
        current = settings.load(base_url=base_url, api_key=typed)
    viewer = Client(current.base_url, current.api_key).get("/me")
    if is_new and current.api_key:
        settings.store_key(current.base_url, current.api_key)
    return {"base_url": current.base_url, **viewer}
