"""Which proxy a request goes through, by the variables and rules of `curl` and `requests`."""

from __future__ import annotations

import base64
import ipaddress
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import unquote_to_bytes, urlsplit
from urllib.request import getproxies, proxy_bypass

from wanllmdb.sdk import errors
from wanllmdb.sdk.host_environment.secret import Secret

SCHEMES = ("http", "https", "socks4", "socks4a", "socks5", "socks5h")
_PORTS = {"http": 80, "https": 443}


@dataclass(frozen=True)
class Proxy:
    """A proxy, without and with what it asks of its users."""

    url: str
    """`scheme://host:port`."""
    source: str
    """The environment variable that names it."""
    user: Secret | None = None
    password: Secret | None = None
    headers: Mapping[str, str] = field(default_factory=dict, compare=False)
    """`Proxy-Authorization`, if the variable has a user name."""

    @property
    def is_socks(self) -> bool:
        return self.url.startswith("socks")


def find(url: str) -> Proxy | None:
    """The proxy for this URL; None to connect directly. Raises `Invalid` if the variable is not the URL of a proxy."""
    parts = urlsplit(url)
    host = parts.hostname or ""
    named = _variable(f"{parts.scheme}_proxy") or _variable("all_proxy")
    if named is None:
        return _find_in_system(parts.scheme, host)
    port = parts.port or _PORTS.get(parts.scheme)
    no_proxy = _variable("no_proxy")
    return None if no_proxy and is_excepted(no_proxy[1], host, port) else _parse(*named)


def _find_in_system(scheme: str, host: str) -> Proxy | None:
    """The proxy of the system's settings, which macOS and Windows have."""
    text = getproxies().get(scheme, "") if not any(name.lower().endswith("_proxy") for name in os.environ) else ""
    return _parse("the system's settings", text) if text and not proxy_bypass(host) else None


def _variable(name: str) -> tuple[str, str] | None:
    """The name and value of a variable in lower or upper case, unless it is empty. Lower case comes first."""
    for variable in (name, name.upper()):
        # In a CGI script HTTP_PROXY is what the client sent in the header `Proxy`.
        if variable in os.environ and not (variable == "HTTP_PROXY" and "REQUEST_METHOD" in os.environ):
            value = os.environ[variable].strip()
            return (variable, value) if value else None
    return None


def _parse(source: str, text: str) -> Proxy:
    invalid = errors.Invalid(
        f"{source} is not the URL of a proxy: it should look like http://proxy.example:3128, or "
        "http://USER:PASSWORD@proxy.example:3128 with special characters percent-encoded"
    )
    try:
        parts = urlsplit(text if "://" in text else f"http://{text}")
        host, port = parts.hostname, parts.port or _PORTS.get(parts.scheme, 1080)
    except ValueError:
        raise invalid from None  # the cause would show the password
    if not host or parts.scheme not in SCHEMES or re.search(r"[\s\x00-\x1f]", text):
        raise invalid
    url = f"{parts.scheme}://{f'[{host}]' if ':' in host else host}:{port}"
    if not parts.username:
        return Proxy(url, source)
    user, password = unquote_to_bytes(parts.username), unquote_to_bytes(parts.password or "")
    credentials = base64.b64encode(user + b":" + password).decode()
    return Proxy(
        url,
        source,
        Secret(user.decode("utf-8", "replace")),
        Secret(password.decode("utf-8", "replace")),
        {"Proxy-Authorization": Secret(f"Basic {credentials}")},
    )


def is_excepted(no_proxy: str, host: str, port: int | None) -> bool:
    """Whether `no_proxy` says to reach this host directly.

    As in `curl`: names match themselves and all below them, with or without a leading dot; addresses match themselves,
    or a network such as 10.0.0.0/8; a single `*` matches everything. As in `requests`, an entry can end in `:port`.
    """
    if no_proxy.strip() == "*":
        return True
    name = host.lower().rstrip(".")
    address = _address(name)
    return any(_matches(entry, name, address, port) for entry in re.split(r"[\s,]+", no_proxy.lower()) if entry)


def _matches(
    entry: str, name: str, address: ipaddress.IPv4Address | ipaddress.IPv6Address | None, port: int | None
) -> bool:
    with_port = re.fullmatch(r"(\[[^\]]*\]|[^:\[\]]+):(\d+)", entry)
    if with_port:
        entry = with_port[1]
        if int(with_port[2]) != port:
            return False
    entry = entry.removeprefix("[").removesuffix("]")
    if address is not None:
        try:
            return address in ipaddress.ip_network(entry, strict=False)
        except ValueError:
            return False
    entry = entry.removeprefix(".").removesuffix(".")
    return bool(entry) and (name == entry or name.endswith(f".{entry}"))


def _address(name: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    try:
        return ipaddress.ip_address(name)
    except ValueError:
        return None
