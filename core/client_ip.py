"""Where a request comes from: the one place that says so, for throttles, histories and the record of downloads.

`REMOTE_ADDR` is whoever opened the connection, which behind a reverse proxy is the proxy. Only what proxies of
`TRUSTED_PROXIES` say of their own clients is believed: anybody can send an `X-Forwarded-For` and `X-Forwarded-Proto`.
"""

from collections.abc import Iterable, Mapping, MutableMapping
from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_address, ip_network
from typing import Any, NamedTuple

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured

# A peer without an address speaks through a socket in the file system.
UNIX_SOCKET = "unix"
# A chain of proxies is short. What is longer was made up by a client, on the left.
_MAX_HOPS = 20
# A subscriber of IPv6 has at least such a network, with more addresses than could be counted one by one.
_IPV6_PREFIX = 64

IP = IPv4Address | IPv6Address


class TrustedProxies(NamedTuple):
    networks: tuple[Any, ...]
    unix_sockets: bool

    @classmethod
    def parse(cls, entries: Iterable[str]) -> "TrustedProxies":
        """From addresses, networks and the word `unix`. Raises `ImproperlyConfigured` for anything else."""
        names = [entry.strip() for entry in entries if entry.strip()]
        try:
            networks = tuple(ip_network(name, strict=False) for name in names if name != UNIX_SOCKET)
        except ValueError as error:
            raise ImproperlyConfigured(
                f"TRUSTED_PROXIES: {error}. Use addresses, networks such as 10.0.0.0/8, and the word `unix`."
            ) from error
        return cls(networks, UNIX_SOCKET in names)

    def trusts(self, ip: IP) -> bool:
        return any(ip in network for network in self.networks)


def client_ip(meta: Mapping[str, Any]) -> str | None:
    """The address of the client, or None where it cannot be known. `meta` is the WSGI environment.

    From the right, the first address of `X-Forwarded-For` that is no trusted proxy. An entry that is no address ends
    the search: what lies to its left was vouched for by nobody, so the proxy that wrote it counts as the client.
    """
    trusted: TrustedProxies = settings.TRUSTED_PROXIES
    ip = _parse(meta.get("REMOTE_ADDR") or "")
    forwarded = meta.get("HTTP_X_FORWARDED_FOR", "") if _comes_from_proxy(ip) else ""
    hops = forwarded.rsplit(",", _MAX_HOPS)[-_MAX_HOPS:]
    for hop in reversed(hops):
        if not hop.strip():
            continue
        before = _parse(hop)
        if before is None:
            break
        ip = before
        if not trusted.trusts(before):
            break
    return None if ip is None else str(ip)


def drop_untrusted_scheme(meta: MutableMapping[str, Any]) -> None:
    """Remove `X-Forwarded-Proto`, by which Django knows that a client uses TLS, unless a trusted proxy sent it."""
    if "HTTP_X_FORWARDED_PROTO" in meta and not _comes_from_proxy(_parse(meta.get("REMOTE_ADDR") or "")):
        del meta["HTTP_X_FORWARDED_PROTO"]


def comes_from(meta: Mapping[str, Any], networks: Iterable[Any]) -> bool:
    """Whether the client's address is in one of these networks."""
    ip = _parse(client_ip(meta) or "")
    return ip is not None and any(ip in network for network in networks)


def client_network(meta: Mapping[str, Any]) -> str:
    """What to count a client's attempts by: its IPv4 address, its /64 network of IPv6, or `""`."""
    ip = _parse(client_ip(meta) or "")
    if isinstance(ip, IPv6Address):
        return str(IPv6Network((ip, _IPV6_PREFIX), strict=False))
    return "" if ip is None else str(ip)


def _comes_from_proxy(peer: IP | None) -> bool:
    trusted: TrustedProxies = settings.TRUSTED_PROXIES
    return trusted.unix_sockets if peer is None else trusted.trusts(peer)


def _parse(text: str) -> IP | None:
    """An address, with or without a port and a zone; IPv4 where IPv6 only wraps it."""
    text = text.strip().strip('"')
    if text.startswith("["):
        text = text[1:].partition("]")[0]
    elif text.count(":") == 1:
        text = text.partition(":")[0]
    try:
        ip = ip_address(text.partition("%")[0])
    except ValueError:
        return None
    return getattr(ip, "ipv4_mapped", None) or ip
