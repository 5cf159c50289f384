"""API keys that this process has seen, so that a request need not ask whose its key is."""

from collections.abc import Mapping
from typing import Any

from knox.crypto import hash_token

from accounts.models import ApiKey
from api.authentication import find_key, read_key

_MAX_KEYS = 10_000
# By digest.
_keys: dict[str, ApiKey] = {}


def get_key(environ: Mapping[str, Any]) -> ApiKey | None:
    """The key of a request, which is looked up once a process: whose it is never changes.

    Whether it is still active is for the query that it is for to ask, by `ApiKey.objects.active`. Raises DRF's
    `AuthenticationFailed`.
    """
    value = read_key(environ)
    if value is None:
        return None
    digest = hash_token(value)
    if digest not in _keys:
        key = find_key(value)
        if len(_keys) >= _MAX_KEYS:
            _keys.clear()
        _keys[digest] = key
    return _keys[digest]
