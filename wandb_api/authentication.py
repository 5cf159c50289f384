"""Who asks: HTTP Basic with any user name, and an API key as the password."""

import base64
import binascii
from collections.abc import Mapping
from typing import Any

from django.http import HttpRequest

from accounts import keys
from accounts.actor import Actor
from wandb_api.context import Context


def read_key(headers: Mapping[str, Any]) -> str | None:
    """The value of the key in the `META` of a request."""
    scheme, _, value = headers.get("HTTP_AUTHORIZATION", "").partition(" ")
    if scheme.lower() == "bearer":
        return value.strip()
    if scheme.lower() != "basic":
        return None
    try:
        _, _, password = base64.b64decode(value.strip(), validate=True).decode().partition(":")
    except (binascii.Error, ValueError):
        return None
    return password


def context_of(request: HttpRequest) -> Context:
    """The context of a request; without a caller where it has no valid key."""
    value = read_key(request.META)
    key = keys.find_active(value) if value else None
    base_url = request.build_absolute_uri("/").rstrip("/")
    if key is None:
        return Context(None, base_url)
    key.record_use()
    request.user = key.user
    return Context(Actor.from_wandb(request, key), base_url)
