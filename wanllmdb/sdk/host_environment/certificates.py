"""Which certificates of servers are trusted, by the variables of `requests`, `curl` and OpenSSL."""

from __future__ import annotations

import os
import re
import ssl
from pathlib import Path

from urllib3.util import create_urllib3_context

from wanllmdb.sdk import errors
from wanllmdb.sdk.host_environment import directories

# Unlike `requests` and `curl`, which have one of their own each, the SDK trusts the authorities in all that are set:
# a machine may have the system's in one, and its user those of a server of their own in another.
BUNDLE_VARIABLES = ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE")
OPENSSL_VARIABLES = ("SSL_CERT_FILE", "SSL_CERT_DIR")
_PEM_CERTIFICATE = re.compile(r"-----BEGIN CERTIFICATE-----.*?-----END CERTIFICATE-----", re.DOTALL)


def variables() -> tuple[str | None, ...]:
    """What the environment says, to be compared with what it said before."""
    return tuple(os.environ.get(name) for name in BUNDLE_VARIABLES + OPENSSL_VARIABLES)


def create_context() -> ssl.SSLContext:
    """A TLS context that trusts the authorities that the environment names, else those of the system.

    Raises `Invalid` if `REQUESTS_CA_BUNDLE` or `CURL_CA_BUNDLE` is neither a file of certificates nor a directory.
    """
    context = create_urllib3_context()
    bundles = _set_variables(BUNDLE_VARIABLES)
    for variable in bundles:
        _load(context, variable)
    if not bundles or _set_variables(OPENSSL_VARIABLES):
        # OpenSSL reads its variables, and ignores what is not there.
        context.load_default_certs()
    return context


def _load(context: ssl.SSLContext, variable: str) -> None:
    path = str(directories.expand(os.environ[variable].strip()))
    try:
        if Path(path).is_dir():
            context.load_verify_locations(capath=path)
        else:
            context.load_verify_locations(cafile=path)
    except (OSError, ValueError) as error:  # SSLError is an OSError
        missing = getattr(error, "strerror", None) or error
        reason = "it has no certificates in PEM format" if isinstance(error, ssl.SSLError) else missing
        raise errors.Invalid(
            f"{variable} is {path!r}, which cannot be used as the certificates of trusted authorities: {reason}"
        ) from error


def configured_authorities() -> str:
    """All certificates that the environment names, in PEM format, for a library with a trust store of its own.

    Raises `Invalid` if `REQUESTS_CA_BUNDLE` or `CURL_CA_BUNDLE` cannot be read.
    """
    found = []
    for variable in _set_variables(BUNDLE_VARIABLES + OPENSSL_VARIABLES):
        if variable in BUNDLE_VARIABLES:
            _load(create_urllib3_context(), variable)  # which says what is wrong with it
        for name in os.environ[variable].strip().split(os.pathsep):
            path = directories.expand(name)
            for file in sorted(path.iterdir()) if path.is_dir() else [path]:
                found += _PEM_CERTIFICATE.findall(file.read_text("utf-8", "replace")) if file.is_file() else []
    return "\n".join(dict.fromkeys(found))


def describe_trust() -> str:
    """What to do about a server whose certificate no trusted authority has signed."""
    for name in _set_variables(OPENSSL_VARIABLES):
        if not any(Path(path).exists() for path in os.environ[name].split(os.pathsep) if path):
            return f"{name} is {os.environ[name]!r}, which does not exist"
    trusted = ", ".join(f"{name}={os.environ[name]}" for name in _set_variables(BUNDLE_VARIABLES + OPENSSL_VARIABLES))
    advice = "Set SSL_CERT_FILE to the file, in PEM format, that has the certificate of its authority"
    return f"{advice} (trusted now: {trusted})" if trusted else advice


def _set_variables(names: tuple[str, ...]) -> list[str]:
    return [name for name in names if os.environ.get(name, "").strip()]
