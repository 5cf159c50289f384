"""Opens S3, GCS and Azure with this machine's own credentials, proxies and certificates."""

from __future__ import annotations

import configparser
import os
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import timedelta
from importlib import import_module
from typing import Any
from urllib.parse import quote, urlsplit

from wanllmdb.sdk import errors
from wanllmdb.sdk.host_environment import certificates, directories, proxies
from wanllmdb.sdk.reference_uris import Location, without_secrets

CONNECT_TIMEOUT = timedelta(seconds=10)
# Between two bytes, so that a store that never answers is given up while a large object takes its time.
READ_TIMEOUT = timedelta(seconds=60)
REQUEST_TIMEOUT = timedelta(days=1)
MAX_RETRIES = 3
RETRY_PERIOD = timedelta(seconds=60)

_NO_STORE_LIBRARY = "References to {scheme}:// need another package: run `pip install wanllmdb[references]`"
_QUERY = re.compile(r"\?[^\s\"'()<>]*")
_STATUS = re.compile(r"status(?: code)?: ([0-9]{3})\b")
_CODE = re.compile(r"<Code>([A-Za-z]{1,64})</Code>")
_REASONS = {
    "TimedOut": "no response",
    "ConnectionRefused": "connection refused",
    "dns error": "unknown host",
    "169.254.169.254": "this machine has no credentials for it",
}


def open_store(location: Location) -> Any:
    """The `obstore` store of the bucket. Nothing is sent yet. Raises `Invalid` without `obstore` or an account."""
    try:
        library, exceptions = import_module("obstore.store"), import_module("obstore.exceptions")
    except ImportError as error:
        raise errors.Invalid(_NO_STORE_LIBRARY.format(scheme=location.provider)) from error
    name, config, endpoint = _CONFIGURATIONS[location.provider](location)
    try:
        return getattr(library, name)(
            location.bucket,
            config=config,
            client_options=_client_options(endpoint),
            retry_config={"max_retries": MAX_RETRIES, "retry_timeout": RETRY_PERIOD},
        )
    except (exceptions.BaseError, TypeError, ValueError) as error:  # a wrong value of an environment variable
        raise errors.Invalid(f"{without_secrets(location.uri)} cannot be opened: {_reason_of(error)}") from error


@contextmanager
def explain_errors(uri: str) -> Iterator[None]:
    """What the store or the way to it answers as errors of this package, with the URI.

    Raises `NotFound` for 404, and `ReferenceUnreachable` for 403, other refusals, timeouts and broken answers.
    """
    exceptions = import_module("obstore.exceptions")
    safe_uri = without_secrets(uri)
    try:
        yield
    except errors.WanLLMDBError:
        raise
    except FileNotFoundError as error:
        raise errors.NotFound(f"{safe_uri} does not exist") from error
    except (exceptions.BaseError, ValueError, OSError) as error:
        status, reason = _status_of(error), _reason_of(error)
        if status == 404:
            raise errors.NotFound(f"{safe_uri} does not exist: {reason}") from error
        refused = isinstance(error, (exceptions.PermissionDeniedError, exceptions.UnauthenticatedError))
        subject = "with these credentials" if refused or status in (401, 403) else "from here"
        message = f"{safe_uri} cannot be read {subject}: {reason}"
        raise errors.ReferenceUnreachable(message, problem={"uris": [safe_uri]}) from error


def _status_of(error: BaseException) -> int | None:
    """What the store answered, which the library has in the text of its error alone."""
    match = _STATUS.search(str(error))
    return int(match[1]) if match else None


def _reason_of(error: BaseException) -> str:
    """What went wrong, in one line and without queries, which may be signed."""
    text, status = str(error), _status_of(error)
    code = _CODE.search(text)
    if status or code:
        return f"the store answered {' '.join(filter(None, [str(status or ''), code[1] if code else '']))}"
    for mark, reason in _REASONS.items():
        if mark in text:
            return reason
    if "certificate" in text:
        return f"its certificate is not trusted here. {certificates.describe_trust()}"
    line = next((line.strip() for line in text.splitlines() if line.strip()), type(error).__name__)
    return _QUERY.sub("", line)[:500]


# --- Credentials and endpoints ----------------------------------------------------------------------------------------


def _s3(location: Location) -> tuple[str, dict[str, Any], str]:
    """Besides the environment, which `obstore` reads by itself, the files that the tools of AWS share."""
    config: dict[str, Any] = {}
    profile = _first_set("AWS_PROFILE") or "default"
    if not _first_set("AWS_ACCESS_KEY_ID", "AWS_SKIP_SIGNATURE"):
        values = _shared_section("AWS_SHARED_CREDENTIALS_FILE", "~/.aws/credentials", profile)
        names = ("aws_access_key_id", "aws_secret_access_key", "aws_session_token")
        config |= {name: values[name] for name in names if name in values}
    region = _first_set("AWS_REGION", "AWS_DEFAULT_REGION")
    if not region:
        section = profile if profile == "default" else f"profile {profile}"
        region = _shared_section("AWS_CONFIG_FILE", "~/.aws/config", section).get("region", "us-east-1")
        config["region"] = region
    endpoint = _first_set("AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL", "AWS_ENDPOINT")
    return "S3Store", config, endpoint or f"https://s3.{region}.amazonaws.com"


def _shared_section(variable: str, default: str, section: str) -> dict[str, str]:
    """What a file of the tools of AWS says of a profile; nothing where there is no such file or profile."""
    parser = configparser.RawConfigParser(default_section="")
    try:
        path = directories.expand(_first_set(variable) or default)
    except errors.Invalid:
        return {}  # no home directory
    try:
        parser.read(path, encoding="utf-8")
    except (configparser.Error, UnicodeDecodeError, OSError) as error:
        raise errors.Invalid(f"{path} cannot be read: {type(error).__name__}") from error
    return dict(parser[section]) if parser.has_section(section) else {}


def _gcs(location: Location) -> tuple[str, dict[str, Any], str]:
    emulator = _first_set("STORAGE_EMULATOR_HOST")
    if not emulator:
        return "GCSStore", {}, _first_set("GOOGLE_BASE_URL") or "https://storage.googleapis.com"
    endpoint = emulator if "://" in emulator else f"http://{emulator}"
    return "GCSStore", {"base_url": endpoint.rstrip("/"), "skip_signature": True}, endpoint


def _azure(location: Location) -> tuple[str, dict[str, Any], str]:
    """With the variables of Azure's tools besides those that `obstore` reads."""
    named = _connection_string()
    account = location.account or named.get("AccountName")
    account = account or _first_set("AZURE_STORAGE_ACCOUNT_NAME", "AZURE_STORAGE_ACCOUNT") or ""
    if not account:
        raise errors.Invalid(
            f"{without_secrets(location.uri)} names no account: set AZURE_STORAGE_ACCOUNT, or write "
            "https://<account>.blob.core.windows.net/container/key"
        )
    config: dict[str, Any] = {"account_name": account}
    # A connection string is that of one account; a key of the environment goes with whatever account is named.
    named = named if named.get("AccountName", account) == account else {}
    secrets = {
        "account_key": named.get("AccountKey") or _first_set("AZURE_STORAGE_ACCOUNT_KEY", "AZURE_STORAGE_KEY"),
        "sas_key": location.query.removeprefix("?") or named.get("SharedAccessSignature"),
        "endpoint": named.get("BlobEndpoint") or _first_set("AZURE_STORAGE_ENDPOINT", "AZURE_ENDPOINT"),
    }
    config |= {name: value for name, value in secrets.items() if value}
    if "sas_key" in config:
        config.pop("account_key", None)
    elif location.account not in ("", _first_set("AZURE_STORAGE_ACCOUNT_NAME", "AZURE_STORAGE_ACCOUNT")):
        # A signature in the environment, which `obstore` would send, is a key for its own account alone.
        config |= {"skip_signature": True} if _first_set("AZURE_STORAGE_SAS_TOKEN", "AZURE_STORAGE_SAS_KEY") else {}
    return "AzureStore", config, config.get("endpoint") or f"https://{account}.blob.core.windows.net"


def _connection_string() -> dict[str, str]:
    items = (_first_set("AZURE_STORAGE_CONNECTION_STRING") or "").split(";")
    return {name.strip(): value.strip() for name, _, value in (item.partition("=") for item in items) if value}


_CONFIGURATIONS = {"s3": _s3, "gs": _gcs, "az": _azure}


def _first_set(*names: str) -> str:
    return next((value for name in names if (value := os.environ.get(name, "").strip())), "")


# --- The way there ----------------------------------------------------------------------------------------------------


def _client_options(endpoint: str) -> Mapping[str, Any]:
    """Timeouts, and the proxy and the certificates that the rest of the SDK would use too."""
    options: dict[str, Any] = {
        "connect_timeout": CONNECT_TIMEOUT,
        "read_timeout": READ_TIMEOUT,
        "timeout": REQUEST_TIMEOUT,
        "allow_http": urlsplit(endpoint).scheme == "http",
    }
    authorities = certificates.configured_authorities()
    if authorities:
        options["root_certificate"] = authorities
    proxy = proxies.find(endpoint)
    if proxy is None:
        # Otherwise the library reads the variables by rules of its own.
        return options | {"proxy_url": "http://127.0.0.1:9", "proxy_excludes": "*,0.0.0.0/0,::/0"}
    user_info = f"{quote(proxy.user, safe='')}:{quote(proxy.password or '', safe='')}@" if proxy.user else ""
    options["proxy_url"] = proxy.url.replace("://", f"://{user_info}", 1)
    if authorities and proxy.url.startswith("https:"):
        options["proxy_ca_certificate"] = authorities
    return options
