"""Credentials for stores of others: what a store's kind needs, how they are kept, and the server's own.

They are given as a JSON object, kept encrypted, and never shown again.
"""

import base64
import binascii
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.serialization import load_pem_private_key
from django.conf import settings

from artifacts import errors, store_connection
from artifacts.references.uris import Provider
from core import encryption

MAX_LENGTH = 16_384


@dataclass(frozen=True, slots=True)
class AccessKey:
    """Of S3 and of what speaks its protocol; of Google Cloud Storage an HMAC key."""

    access_key_id: str
    secret_access_key: str
    session_token: str = ""

    def __repr__(self) -> str:
        return f"AccessKey({self.access_key_id!r})"


@dataclass(frozen=True, slots=True)
class ServiceAccount:
    """Of Google Cloud Storage: the two fields of a service account's JSON key that signing needs."""

    client_email: str
    private_key: str

    def __repr__(self) -> str:
        return f"ServiceAccount({self.client_email!r})"


@dataclass(frozen=True, slots=True)
class AccountKey:
    """Of an Azure storage account, in Base64."""

    account_key: str

    def __repr__(self) -> str:
        return "AccountKey()"


Credentials = AccessKey | ServiceAccount | AccountKey


def parse(provider: Provider, given: Mapping[str, Any]) -> Credentials:
    """What was given for a store of this kind. Raises `Invalid`, whose sentence holds nothing of it."""
    given = {name: value for name, value in given.items() if value not in (None, "")}
    if not all(isinstance(value, str | Mapping) for value in given.values()) or len(str(given)) > MAX_LENGTH:
        raise errors.Invalid(f"Credentials are texts of at most {MAX_LENGTH:,} characters in all.")
    match provider, sorted(given):
        case ((Provider.S3 | Provider.GCS), ["access_key_id", "secret_access_key"]):
            return _access_key(given)
        case Provider.GCS, ["service_account"]:
            return _service_account(given["service_account"])
        case Provider.AZURE, ["account_key"]:
            return _account_key(given["account_key"])
    raise errors.Invalid(_NEEDED[provider])


def encrypt(credentials: Credentials) -> str:
    return encryption.encrypt(json.dumps(asdict(credentials)))


def decrypt(token: str) -> Credentials:
    """Raises `encryption.Undecryptable`."""
    fields = json.loads(encryption.decrypt(token))
    kind = AccountKey if "account_key" in fields else ServiceAccount if "private_key" in fields else AccessKey
    return kind(**fields)


def of_server(provider: Provider, account: str = "") -> Credentials:
    """What the operator gave this server in its environment. Raises `Conflict` where there is nothing."""
    match provider:
        case Provider.S3:
            found = store_connection.ambient_credentials()
            if found is not None:
                return AccessKey(found.access_key, found.secret_key, found.token or "")
        case Provider.GCS if settings.GOOGLE_APPLICATION_CREDENTIALS:
            return _service_account(_read(settings.GOOGLE_APPLICATION_CREDENTIALS))
        case Provider.AZURE if settings.AZURE_STORAGE_ACCOUNT_KEY and account == settings.AZURE_STORAGE_ACCOUNT_NAME:
            return _account_key(settings.AZURE_STORAGE_ACCOUNT_KEY)
    raise errors.Conflict(f"The server has no credentials of its own for this store: {_SERVER_SETTINGS[provider]}.")


@lru_cache(maxsize=64)
def rsa_key(pem: str) -> RSAPrivateKey:
    """The private key of a service account; loading it takes longer than signing. Raises `ValueError`."""
    try:
        key = load_pem_private_key(pem.encode(), password=None)
    except (TypeError, UnsupportedAlgorithm) as error:
        raise ValueError("The private key cannot be read.") from error
    if not isinstance(key, RSAPrivateKey):
        raise ValueError("The private key is not an RSA key.")
    return key


def _access_key(given: Mapping[str, Any]) -> AccessKey:
    texts = [given["access_key_id"], given["secret_access_key"]]
    if not all(isinstance(text, str) and text.isascii() and text.isprintable() and " " not in text for text in texts):
        raise errors.Invalid("The access key ID and the secret access key are texts without spaces.")
    return AccessKey(*texts)


def _service_account(given: Any) -> ServiceAccount:
    refusal = errors.Invalid(
        "The service account is not valid: paste its whole JSON key, with client_email and private_key."
    )
    try:
        fields = given if isinstance(given, Mapping) else json.loads(given)
        email, pem = fields["client_email"], fields["private_key"]
        rsa_key(pem)
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        # Without the cause: it may quote the key.
        raise refusal from None
    if not isinstance(email, str) or not email.isascii() or not email.isprintable() or len(email) > 300:
        raise refusal
    return ServiceAccount(email, pem)


def _account_key(given: Any) -> AccountKey:
    try:
        if not base64.b64decode(given, validate=True):
            raise ValueError
    except (binascii.Error, ValueError, TypeError):
        raise errors.Invalid("The account key is not valid: copy it from the storage account, in Base64.") from None
    return AccountKey(given)


def _read(path: str) -> str:
    try:
        return Path(path).read_text()
    except (OSError, UnicodeDecodeError) as error:
        raise errors.Conflict("The server cannot read the file that GOOGLE_APPLICATION_CREDENTIALS names.") from error


_NEEDED = {
    Provider.S3: "For s3:// give access_key_id and secret_access_key.",
    Provider.GCS: "For gs:// give service_account, or access_key_id and secret_access_key of an HMAC key.",
    Provider.AZURE: "For az:// give account_key.",
}
_SERVER_SETTINGS = {
    Provider.S3: "set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or give its machine a role",
    Provider.GCS: "set GOOGLE_APPLICATION_CREDENTIALS to the path of a service account's JSON key",
    Provider.AZURE: "set AZURE_STORAGE_ACCOUNT_NAME and AZURE_STORAGE_ACCOUNT_KEY",
}
