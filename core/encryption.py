"""Encryption of what the database must hold and must not give away, such as the secrets that messages are signed with.

The key is derived from `SECRET_KEY`; what was encrypted under one of `SECRET_KEY_FALLBACKS` can still be read.
"""

import base64
from functools import lru_cache

from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from django.conf import settings


class Undecryptable(Exception):
    """It was encrypted under another secret key than those of the settings."""


def encrypt(text: str) -> str:
    return _fernet().encrypt(text.encode()).decode()


def decrypt(token: str) -> str:
    """What was encrypted. Raises `Undecryptable`."""
    try:
        return _fernet().decrypt(token.encode()).decode()
    except InvalidToken as error:
        raise _undecryptable() from error


def renew(token: str) -> str:
    """The same text, encrypted under the current `SECRET_KEY`. Raises `Undecryptable`."""
    try:
        return _fernet().rotate(token.encode()).decode()
    except InvalidToken as error:
        raise _undecryptable() from error


def _undecryptable() -> Undecryptable:
    return Undecryptable(
        "This secret cannot be decrypted: SECRET_KEY was changed, and the former one is not in SECRET_KEY_FALLBACKS."
    )


def _fernet() -> MultiFernet:
    return _fernet_of(settings.SECRET_KEY, *settings.SECRET_KEY_FALLBACKS)


@lru_cache(maxsize=8)
def _fernet_of(*secret_keys: str) -> MultiFernet:
    return MultiFernet([Fernet(base64.urlsafe_b64encode(_derive(key))) for key in secret_keys])


def _derive(secret_key: str) -> bytes:
    return HKDF(algorithm=SHA256(), length=32, salt=None, info=b"wanllmdb encryption").derive(secret_key.encode())
