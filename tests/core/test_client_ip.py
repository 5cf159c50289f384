"""Whose address counts, behind proxies that are trusted and others."""

import pytest
from django.core.exceptions import ImproperlyConfigured
from django.http import HttpResponse

from core.client_ip import TrustedProxies, client_ip, client_network
from wanllmdb.middleware import RequestLimitsMiddleware

PROXIES = TrustedProxies.parse(["127.0.0.0/8", "10.0.0.0/8", "fd00::/8", "unix"])


@pytest.fixture(autouse=True)
def proxies(settings) -> None:
    settings.TRUSTED_PROXIES = PROXIES


@pytest.mark.parametrize(
    ("peer", "forwarded", "client"),
    [
        # Nobody in between, or nobody whose word counts.
        ("203.0.113.9", "", "203.0.113.9"),
        ("203.0.113.9", "198.51.100.1", "203.0.113.9"),
        ("::ffff:203.0.113.9", "198.51.100.1", "203.0.113.9"),
        # One proxy, two, and one behind a socket in the file system.
        ("127.0.0.1", "203.0.113.9", "203.0.113.9"),
        ("::ffff:127.0.0.1", "203.0.113.9", "203.0.113.9"),
        ("127.0.0.1", "203.0.113.9, 10.0.0.7", "203.0.113.9"),
        ("fd00::1", "2001:db8::5,10.0.0.7", "2001:db8::5"),
        ("", "203.0.113.9", "203.0.113.9"),
        ("unix:", "203.0.113.9", "203.0.113.9"),
        # What a client made up stands on the left of what the proxy added.
        ("127.0.0.1", "127.0.0.1, 203.0.113.9", "203.0.113.9"),
        ("127.0.0.1", "198.51.100.1, 203.0.113.9, 10.0.0.7", "203.0.113.9"),
        # Everybody on the way is a proxy of ours: the first of them is the client.
        ("127.0.0.1", "10.0.0.8, 10.0.0.7", "10.0.0.8"),
        ("127.0.0.1", "", "127.0.0.1"),
        ("127.0.0.1", " , ,", "127.0.0.1"),
        ("", "", None),
        # With ports and zones, as some proxies write them.
        ("127.0.0.1", "203.0.113.9:4711", "203.0.113.9"),
        ("127.0.0.1", '"[2001:db8::5]:4711"', "2001:db8::5"),
        ("127.0.0.1", "fe80::1%eth0", "fe80::1"),
        # No address: nobody vouches for what lies to the left of it.
        ("127.0.0.1", "unknown", "127.0.0.1"),
        ("127.0.0.1", "198.51.100.1, unknown", "127.0.0.1"),
        ("127.0.0.1", "unknown, 203.0.113.9", "203.0.113.9"),
        ("127.0.0.1", "198.51.100.1, <script>, 10.0.0.7", "10.0.0.7"),
        ("127.0.0.1", "999.1.1.1", "127.0.0.1"),
        ("127.0.0.1", "203.0.113.9 203.0.113.8", "127.0.0.1"),
    ],
)
def test_the_rightmost_ip_that_is_no_trusted_proxy(peer, forwarded, client):
    assert client_ip({"REMOTE_ADDR": peer, "HTTP_X_FORWARDED_FOR": forwarded}) == client


@pytest.mark.parametrize(
    ("peer", "forwarded", "is_secure"),
    [
        ("127.0.0.1", "https", True),
        ("10.0.0.7", "https", True),
        ("", "https", True),
        ("127.0.0.1", "http", False),
        ("127.0.0.1", "", False),
        ("203.0.113.9", "https", False),
        ("not an address", "https", True),
    ],
)
def test_only_trusted_proxies_say_that_their_client_uses_tls(rf, peer, forwarded, is_secure):
    request = rf.get("/", REMOTE_ADDR=peer, **({"HTTP_X_FORWARDED_PROTO": forwarded} if forwarded else {}))
    seen = []
    RequestLimitsMiddleware(lambda request: seen.append(request.is_secure()) or HttpResponse())(request)
    assert seen == [is_secure]


def test_an_endless_chain_is_not_walked():
    chain = ", ".join(["198.51.100.1", *["10.0.0.7"] * 5000])

    assert client_ip({"REMOTE_ADDR": "127.0.0.1", "HTTP_X_FORWARDED_FOR": chain}) == "10.0.0.7"


def test_without_trusted_proxies_the_peer_is_the_client(settings):
    settings.TRUSTED_PROXIES = TrustedProxies.parse([])

    assert client_ip({"REMOTE_ADDR": "127.0.0.1", "HTTP_X_FORWARDED_FOR": "203.0.113.9"}) == "127.0.0.1"
    assert client_ip({"REMOTE_ADDR": "", "HTTP_X_FORWARDED_FOR": "203.0.113.9"}) is None
    assert client_ip({}) is None


def test_a_subscriber_of_ipv6_is_counted_as_one():
    networks = {client_network({"REMOTE_ADDR": ip}) for ip in ("2001:db8::1", "2001:db8::ffff:1")}

    assert networks == {"2001:db8::/64"}
    assert client_network({"REMOTE_ADDR": "203.0.113.9"}) == "203.0.113.9"
    assert client_network({}) == ""


@pytest.mark.parametrize("entry", ["proxy.example.org", "10.0.0.0/33", "*"])
def test_a_setting_that_names_no_network_says_so(entry):
    with pytest.raises(ImproperlyConfigured, match=r"^TRUSTED_PROXIES: .* Use addresses, networks"):
        TrustedProxies.parse([entry])
