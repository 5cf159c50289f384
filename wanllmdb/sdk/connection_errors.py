"""What went wrong between this machine and a server: whether to try again, and how to say it."""

from __future__ import annotations

import re
import ssl
from collections.abc import Iterator
from urllib.parse import urlsplit

from urllib3.exceptions import (
    ConnectTimeoutError,
    HTTPError,
    LocationValueError,
    NameResolutionError,
    NewConnectionError,
    ProxyError,
    ReadTimeoutError,
    SSLError,
)

from wanllmdb.sdk import errors
from wanllmdb.sdk.host_environment import certificates, proxies
from wanllmdb.sdk.host_environment.proxies import Proxy

# OpenSSL's X509_V_ERR_…
_EXPIRED, _NOT_YET_VALID = 10, 9
_OTHER_NAME = (62, 64)
_UNTRUSTED = (2, 18, 19, 20, 21)
_RETRYABLE_PROXY_STATUSES = (408, 429, 500, 502, 503, 504)


def origin_of(url: str) -> str:
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}"


class ObjectStoreError(errors.ServerError):
    """The object store refused to store or return bytes."""

    def __init__(self, url: str, status: int, text: str) -> None:
        code = re.search(r"<Code>([^<]+)</Code>", text)
        self.store_code = code[1] if code else ""
        super().__init__(
            f"The object store at {origin_of(url)} answered {f'{status} {self.store_code}'.strip()}", status=status
        )

    @property
    def is_expired(self) -> bool:
        """Whether a new presigned URL helps."""
        # Parts get a 404 once another process has completed or aborted the multipart upload that both share.
        return self.status in (401, 403, 404)


def never_arrived(error: HTTPError) -> bool:
    """Whether the server cannot have received the request."""
    return (
        any(isinstance(cause, (NewConnectionError, ConnectTimeoutError)) for cause in _causes(error))
        or _tunnel_status(error) is not None
    )


def is_final(error: HTTPError) -> bool:
    """Whether it would be the same the next time."""
    status = _tunnel_status(error)
    return (
        isinstance(error, LocationValueError)
        or _certificate_error(error) is not None
        or _is_other_protocol(error)
        or (status is not None and status not in _RETRYABLE_PROXY_STATUSES)
    )


def unreachable(url: str, error: HTTPError) -> errors.Unreachable:
    """The error to raise for a request to `url` that got no response. `error` can be its cause."""
    for cause in _causes(error):
        # The frames of `http.client` have the whole request, and so the API key.
        cause.__traceback__ = None
    origin, proxy = origin_of(url), proxies.find(url)
    status = _tunnel_status(error)
    if proxy is not None and status is not None:
        return refused_by_proxy(url, status, proxy)
    if proxy is not None and isinstance(error, ProxyError):
        hint = f"It is named by {proxy.source}, and no_proxy can except the server from it."
        return errors.Unreachable(
            f"Cannot reach {origin}: the proxy {proxy.url} failed: {reason_of(error)}. {hint}", url=origin
        )
    via = f" through the proxy {proxy.url}" if proxy else ""
    return errors.Unreachable(f"Cannot reach {origin}{via}: {reason_of(error)}. {_hint(url, error)}", url=origin)


def refused_by_proxy(url: str, status: int, proxy: Proxy) -> errors.Unreachable:
    """The error for a proxy that passes nothing on. It has the status of the proxy."""
    origin = origin_of(url)
    if status == 407:
        reason = "rejects the user name and password" if proxy.headers else "requires a user name and a password"
        hint = f"Set {proxy.source} to http://USER:PASSWORD@HOST:PORT, with special characters percent-encoded"
    else:
        reason = "does not connect to it"
        hint = (
            "Is WANLLMDB_BASE_URL correct, and may this machine go there? no_proxy can except a server from the proxy"
        )
    error = errors.Unreachable(
        f"Cannot reach {origin}: the proxy {proxy.url} (from {proxy.source}) {reason}, and answered {status}. {hint}.",
        url=origin,
    )
    error.status = status
    return error


def _causes(error: BaseException | None) -> Iterator[BaseException]:
    """The error and all that it was made from."""
    seen: list[BaseException] = []
    pending = [error]
    while pending:
        cause = pending.pop()
        if not isinstance(cause, BaseException) or cause in seen:
            continue
        seen.append(cause)
        yield cause
        pending += [cause.__cause__, *(arg for arg in cause.args if isinstance(arg, BaseException))]


def _tunnel_status(error: HTTPError) -> int | None:
    """The status with which a proxy refused to connect to a server, if that was it."""
    for cause in _causes(error):
        # `http.client` tells it in the text only.
        match = re.match(r"Tunnel connection failed: (\d{3})", str(cause)) if isinstance(cause, OSError) else None
        if match:
            return int(match[1])
    return None


def _certificate_error(error: HTTPError) -> ssl.SSLCertVerificationError | None:
    found = (cause for cause in _causes(error) if isinstance(cause, ssl.SSLCertVerificationError))
    return next(found, None)


def _is_other_protocol(error: HTTPError) -> bool:
    reasons = {getattr(cause, "reason", "") for cause in _causes(error) if isinstance(cause, ssl.SSLError)}
    return bool(reasons & {"WRONG_VERSION_NUMBER", "UNKNOWN_PROTOCOL", "RECORD_LAYER_FAILURE", "HTTP_REQUEST"})


def reason_of(error: HTTPError) -> str:
    """Why a request got no response, as part of a sentence."""
    certificate_error = _certificate_error(error)
    if certificate_error is not None:
        return _certificate_reason(certificate_error)
    if _is_other_protocol(error):
        return "it does not speak TLS"
    for cause in _causes(error):
        if isinstance(cause, NameResolutionError):
            return "unknown host"
        if isinstance(cause, NewConnectionError):
            return "connection refused"
        if isinstance(cause, ConnectTimeoutError):
            return "no response"
        if isinstance(cause, ReadTimeoutError):
            return "it accepted the connection and then stopped responding"
    if isinstance(error, SSLError):
        return f"the encrypted connection failed ({error})"
    return f"the connection broke ({error})"


def _certificate_reason(error: ssl.SSLCertVerificationError) -> str:
    if error.verify_code == _EXPIRED:
        return "its certificate has expired"
    if error.verify_code == _NOT_YET_VALID:
        return "its certificate is not valid yet"
    if error.verify_code in _OTHER_NAME:
        return "its certificate is for another name"
    if error.verify_code in _UNTRUSTED:
        return "its certificate is not signed by an authority that is trusted here"
    return f"its certificate is not valid ({error.verify_message})"


def _hint(url: str, error: HTTPError) -> str:
    certificate_error = _certificate_error(error)
    if certificate_error is not None:
        if certificate_error.verify_code in (_EXPIRED, _NOT_YET_VALID):
            return "Is the clock of this machine right? If it is, the server needs a new certificate."
        if certificate_error.verify_code in _OTHER_NAME:
            return f"Use the server's name as its certificate has it ({certificate_error.verify_message})."
        return f"{certificates.describe_trust()}."
    if _is_other_protocol(error):
        return "Should the URL start with http:// rather than https://?"
    if "X-Amz-Signature" in url or "Signature=" in url:
        return "This is the URL of the object store as the server hands it out: can this machine reach it?"
    return "Is the server running, and is WANLLMDB_BASE_URL correct?"
