"""Which addresses a webhook may call. Users name them, so none may lead into the operator's own network.

A name is looked up once for each call, everything it stands for is judged, and the call goes to exactly the address
that was judged: a name that means something else a moment later changes nothing.
"""

import re
import socket
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from concurrent.futures import TimeoutError as TooLate
from dataclasses import dataclass
from functools import cache
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network
from urllib.parse import urlsplit

from django.conf import settings

from notifications import errors

MAX_URL = 2000
_PORTS = {"http": 80, "https": 443}
_PRINTABLE = re.compile(r"[!-~]+")
_NAME = re.compile(r"[A-Za-z0-9]([A-Za-z0-9._-]{0,251}[A-Za-z0-9])?\.?")

# Of IPv6, only what is handed out for the public Internet is called at all.
_PUBLIC_V6 = ip_network("2000::/3")
# What Python counts as global in one of its versions or another, and is not to be called: multicast, the relays and
# disguises of IPv4 in IPv6 (6to4, Teredo), and what is kept for documents, benchmarks and other protocols.
_NEVER = [
    ip_network(network)
    for network in (
        *("0.0.0.0/8", "100.64.0.0/10", "192.0.0.0/24", "192.0.2.0/24", "192.31.196.0/24", "192.52.193.0/24"),
        *("192.88.99.0/24", "192.175.48.0/24", "198.18.0.0/15", "198.51.100.0/24", "203.0.113.0/24"),
        *("224.0.0.0/4", "240.0.0.0/4"),
        *("2001::/23", "2001:db8::/32", "2002::/16", "2620:4f:8000::/48", "3fff::/20"),
    )
]

# The addresses that a name stands for. Raises OSError where there are none.
Lookup = Callable[[str, int], list[str]]


@dataclass(frozen=True, slots=True)
class Destination:
    """Where to connect, and what to ask for there."""

    scheme: str
    host: str
    port: int
    path: str
    ip: str

    @property
    def is_secure(self) -> bool:
        return self.scheme == "https"

    @property
    def host_header(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == _PORTS[self.scheme] else f"{host}:{self.port}"


def resolve_host(host: str, port: int) -> list[str]:
    """What the system's resolver says, in its order of preference; bounded in time, as the resolver is not."""
    lookup: Future[list[str]] = _resolvers().submit(_resolve, host, port)
    try:
        return lookup.result(settings.WEBHOOK_CONNECT_TIMEOUT)
    except TooLate as error:
        raise TimeoutError("The DNS server does not respond.") from error


def find(url: str, lookup: Lookup = resolve_host) -> Destination:
    """Where the address leads at this moment. Raises `AddressRefused` if it may not be called."""
    scheme, host, port, path = _taken_apart(url)
    try:
        ips = lookup(host, port)
    except (OSError, UnicodeError) as error:
        raise errors.AddressRefused(f"The host {host!r} cannot be found.") from error
    for ip in ips:
        if not is_allowed(ip):
            raise errors.AddressRefused(f"The host {host!r} is in a private network, which webhooks may not reach.")
    if not ips:
        raise errors.AddressRefused(f"The host {host!r} has no IP address.")
    return Destination(scheme, host, port, path, ips[0])


def is_allowed(ip: str) -> bool:
    """Whether it is a public address, or one of `WEBHOOK_PRIVATE_NETWORKS`."""
    parsed = ip_address(ip.partition("%")[0])
    networks = [network for network in settings.WEBHOOK_PRIVATE_NETWORKS if network.version == parsed.version]
    return any(parsed in network for network in networks) or _is_public(parsed)


def _is_public(ip: IPv4Address | IPv6Address) -> bool:
    if isinstance(ip, IPv6Address) and ip not in _PUBLIC_V6:
        return False
    return ip.is_global and not any(ip in network for network in _NEVER if network.version == ip.version)


def _taken_apart(url: str) -> tuple[str, str, int, str]:
    if len(url) > MAX_URL:
        raise errors.AddressRefused(f"The URL is longer than {MAX_URL:,} characters.")
    if not _PRINTABLE.fullmatch(url) or "\\" in url:
        raise errors.AddressRefused("Write the URL in plain ASCII, without spaces or backslashes.")
    try:
        parts = urlsplit(url)
        host, port = parts.hostname or "", parts.port
    except ValueError as error:
        raise errors.AddressRefused("This is not a valid URL.") from error
    if parts.scheme not in _PORTS:
        raise errors.AddressRefused("The URL must start with https:// or http://.")
    if "@" in parts.netloc:
        raise errors.AddressRefused("Leave username and password out of the URL.")
    if parts.fragment or not (_is_ip(host) or _NAME.fullmatch(host)) or port == 0:
        raise errors.AddressRefused("This is not a valid URL.")
    path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    return parts.scheme, host, port or _PORTS[parts.scheme], path


def _is_ip(host: str) -> bool:
    try:
        # Zones name interfaces of this machine.
        return "%" not in host and bool(ip_address(host))
    except ValueError:
        return False


def _resolve(host: str, port: int) -> list[str]:
    infos = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(info[4][0]) for info in infos))


@cache
def _resolvers() -> ThreadPoolExecutor:
    return ThreadPoolExecutor(max_workers=8, thread_name_prefix="resolver")
