"""Which URLs of users the server may call, and which hosts they may name: none in the operator's own network.

`find` is for calls. A name is looked up once for each call, everything it stands for is judged, and the call goes to
exactly the address that was judged: a name that means something else a moment later changes nothing.

`check_host` judges the text alone, for what is only recorded.
"""

import re
import socket
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from concurrent.futures import TimeoutError as TooLate
from dataclasses import dataclass
from functools import cache
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from urllib.parse import urlsplit

from django.conf import settings

from core.errors import AddressRefused

# What users may enter. What is made of it may be longer: signatures and session tokens, keys in other letters.
MAX_URL = 2000
_MAX_REQUEST_URL = 16_384
_PORTS = {"http": 80, "https": 443}
_PRINTABLE = re.compile(r"[!-~]+")
_NAME = re.compile(r"[A-Za-z0-9]([A-Za-z0-9._-]{0,251}[A-Za-z0-9])?\.?")

# Of IPv6, only what is handed out for the public Internet is called at all.
_PUBLIC_V6 = ip_network("2000::/3")
# What Python counts as global in one of its versions or another, and is not to be called: multicast, the relays and
# disguises of IPv4 in IPv6 (6to4, Teredo), what is kept for documents, benchmarks and other protocols, and Azure's
# metadata service.
_NEVER = [
    ip_network(network)
    for network in (
        *("0.0.0.0/8", "100.64.0.0/10", "192.0.0.0/24", "192.0.2.0/24", "192.31.196.0/24", "192.52.193.0/24"),
        *("192.88.99.0/24", "192.175.48.0/24", "198.18.0.0/15", "198.51.100.0/24", "203.0.113.0/24"),
        *("224.0.0.0/4", "240.0.0.0/4", "168.63.129.16/32"),
        *("2001::/23", "2001:db8::/32", "2002::/16", "2620:4f:8000::/48", "3fff::/20"),
    )
]

# Domains that only private networks know: those that are set aside for them, and those that many of them use.
_LOOPBACK_DOMAINS = ("localhost", "localdomain", "localdomain6")
# fmt: off
_PRIVATE_DOMAINS = (
    "local", "internal", "intranet", "private", "corp", "home", "lan", "home.arpa", "metadata.goog", "svc", "consul",
)
# fmt: on
# A part of an IPv4 address as the resolver reads it: decimal, octal, hexadecimal.
_NUMBER = re.compile(r"0[xX][0-9a-fA-F]*|[0-9]+")

# The addresses that a name stands for. Raises OSError where there are none.
Lookup = Callable[[str, int], list[str]]
Network = IPv4Network | IPv6Network


@dataclass(frozen=True, slots=True)
class Policy:
    """Who calls, as refusals say it, and which private networks an operator lets them reach."""

    caller: str
    private_networks: Sequence[Network]


def for_webhooks() -> Policy:
    return Policy("webhooks", settings.WEBHOOK_PRIVATE_NETWORKS)


def for_references() -> Policy:
    return Policy("references", settings.REFERENCE_PRIVATE_NETWORKS)


def anywhere() -> Policy:
    """For what an operator chose."""
    return Policy("operators", [ip_network("0.0.0.0/0"), ip_network("::/0")])


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


def find(url: str, policy: Policy, lookup: Lookup = resolve_host) -> Destination:
    """Where the address leads at this moment. Raises `AddressRefused` if it may not be called."""
    scheme, host, port, path = _taken_apart(url)
    try:
        ips = lookup(host, port)
    except (OSError, UnicodeError) as error:
        raise AddressRefused(f"The host {host!r} cannot be found.") from error
    for ip in ips:
        if not is_allowed(ip, policy):
            raise _refused(host, policy)
    if not ips:
        raise AddressRefused(f"The host {host!r} has no IP address.")
    return Destination(scheme, host, port, path, ips[0])


def check_url(url: str) -> None:
    """Raise `AddressRefused` where it is no URL that a user may enter, whatever is there."""
    if len(url) > MAX_URL:
        raise AddressRefused(f"The URL is longer than {MAX_URL:,} characters.")
    _taken_apart(url)


def check_host(host: str, policy: Policy) -> None:
    """Judge the text of a host name or IP address, without brackets. Raises `AddressRefused`; looks nothing up.

    Whatever a resolver would read as an IP address is judged as one: `2130706433`, `0x7f.1` and `127.0.0.1.` too.
    """
    name = host.lower().removesuffix(".")
    if not host.isascii() or not (":" in host or _NAME.fullmatch(name)) or ".." in host:
        raise AddressRefused("The host is not valid: write it in ASCII, names in other letters as `xn--…`.")
    if ":" in host or _NUMBER.fullmatch(name.rpartition(".")[2]):
        ip = host if _is_ip(host) else _resolver_ip(name)
        if ip is None:
            raise AddressRefused(f"{host!r} is not a valid IP address.")
        if not is_allowed(ip, policy):
            raise _refused(host, policy)
    elif _is_under(name, _LOOPBACK_DOMAINS):
        if not any(is_listed(ip, policy) for ip in ("127.0.0.1", "::1")):
            raise _refused(host, policy)
    elif ("." not in name or _is_under(name, _PRIVATE_DOMAINS)) and not policy.private_networks:
        # What it stands for is known to resolvers alone, which whoever calls it asks.
        raise _refused(host, policy)


def is_allowed(ip: str, policy: Policy) -> bool:
    """Whether it is a public address, or in one of the policy's private networks."""
    return is_listed(ip, policy) or _is_public(ip_address(ip.partition("%")[0]))


def is_listed(ip: str, policy: Policy) -> bool:
    """Whether it is in one of the policy's private networks."""
    parsed = ip_address(ip.partition("%")[0])
    return any(parsed in network for network in policy.private_networks if network.version == parsed.version)


def _refused(host: str, policy: Policy) -> AddressRefused:
    return AddressRefused(f"The host {host!r} is in a private network, which {policy.caller} may not reach.")


def _is_under(name: str, domains: Iterable[str]) -> bool:
    return any(name == domain or name.endswith(f".{domain}") for domain in domains)


def _resolver_ip(name: str) -> str | None:
    """The IPv4 address that resolvers read in decimal, octal and hexadecimal numbers, of which the last fills up."""
    *first, last = (_number(part) for part in name.split("."))
    if last is None or len(first) > 3 or any(part is None or part > 255 for part in first):
        return None
    if last >= 256 ** (4 - len(first)):
        return None
    return str(IPv4Address(sum(part << 8 * (3 - index) for index, part in enumerate(first) if part) + last))


def _number(text: str) -> int | None:
    # Longer ones are no part of an address, and slow to read.
    if not _NUMBER.fullmatch(text) or len(text) > 40:
        return None
    try:
        if text[:2] in ("0x", "0X"):
            return int(text[2:] or "0", 16)
        return int(text, 8 if text.startswith("0") else 10)
    except ValueError:
        return None


def _is_public(ip: IPv4Address | IPv6Address) -> bool:
    if isinstance(ip, IPv6Address) and ip not in _PUBLIC_V6:
        return False
    return ip.is_global and not any(ip in network for network in _NEVER if network.version == ip.version)


def _taken_apart(url: str) -> tuple[str, str, int, str]:
    if len(url) > _MAX_REQUEST_URL:
        raise AddressRefused(f"The URL is longer than {_MAX_REQUEST_URL:,} characters.")
    if not _PRINTABLE.fullmatch(url) or "\\" in url:
        raise AddressRefused("Write the URL in plain ASCII, without spaces or backslashes.")
    try:
        parts = urlsplit(url)
        host, port = parts.hostname or "", parts.port
    except ValueError as error:
        raise AddressRefused("This is not a valid URL.") from error
    if parts.scheme not in _PORTS:
        raise AddressRefused("The URL must start with https:// or http://.")
    if "@" in parts.netloc:
        raise AddressRefused("Leave username and password out of the URL.")
    is_bracketed = parts.netloc.startswith("[")
    if parts.fragment or not (_is_ip(host) or (_NAME.fullmatch(host) and not is_bracketed)) or port == 0:
        raise AddressRefused("This is not a valid URL.")
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
