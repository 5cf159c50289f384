"""Where webhooks may go, and references point: to the public Internet, by the address that was judged."""

from ipaddress import ip_network

import pytest

from core import url_policy
from core.errors import AddressRefused
from core.url_policy import Policy

PUBLIC = ["8.8.8.8", "1.1.1.1", "93.184.216.34", "2606:4700:4700::1111", "2a00:1450:4001:82b::200e"]
PRIVATE = [
    "0.0.0.0", "0.1.2.3", "10.0.0.1", "100.64.0.1", "100.127.255.254", "127.0.0.1", "127.255.255.254",
    "169.254.169.254", "172.16.0.1", "172.31.255.255", "192.0.0.1", "192.0.0.170", "192.0.2.1", "192.88.99.1",
    "192.168.1.1", "198.18.0.1", "198.51.100.1", "203.0.113.1", "224.0.0.1", "233.252.0.1", "239.255.255.255",
    "240.0.0.1", "255.255.255.255",
    "::", "::1", "::ffff:127.0.0.1", "::ffff:10.0.0.1", "::ffff:8.8.8.8", "::127.0.0.1", "::ffff:0:127.0.0.1",
    "64:ff9b::7f00:1", "64:ff9b::a00:1", "64:ff9b:1::1", "100::1", "2001::1", "2001:0:7f00:1::", "2001:db8::1",
    "2002:7f00:1::", "2002:a00:1::", "3fff::1", "fc00::1", "fd12:3456::1", "fe80::1", "fe80::1%eth0", "fec0::1",
    "ff02::1", "ff0e::1", "5f00::1",
]  # fmt: skip
REFUSED = [
    "", "hook", "//example.org/", "ftp://example.org/", "file:///etc/passwd", "gopher://example.org/",
    "javascript:alert(1)", "https://", "https:///path", "https://user:pass@example.org/", "https://user@example.org/",
    "https://example.org@127.0.0.1/", "https://example.org\\@127.0.0.1/", "https://exa mple.org/",
    "https://example.org/\r\nHost: inner", "https://example.org/ü", "https://exämple.org/", "https://example.org:0/",
    "https://example.org:99999/", "https://example.org:port/", "https://example.org/#part", "https://[::1/",
    "https://[fe80::1%25eth0]/", "https://[v1.example.org]/", "https://-example.org/", "https://exa$mple.org/",
    "https://" + "a" * 2000,
]  # fmt: skip


NOTHING_PRIVATE = Policy("webhooks", [])


def says(*answers: str) -> url_policy.Lookup:
    """A name server that knows these addresses for every name."""
    return lambda host, port: list(answers)


@pytest.mark.parametrize("ip", PUBLIC)
def test_public_ips_may_be_called(ip):
    destination = url_policy.find("https://example.org/hook", NOTHING_PRIVATE, says(ip))

    assert (destination.ip, destination.host, destination.port, destination.path) == (
        ip,
        "example.org",
        443,
        "/hook",
    )


@pytest.mark.parametrize("ip", PRIVATE)
def test_others_may_not(ip):
    with pytest.raises(AddressRefused, match="private network"):
        url_policy.find("https://example.org/hook", NOTHING_PRIVATE, says(ip))


@pytest.mark.parametrize("ip", PRIVATE)
def test_one_private_ip_among_public_ones_is_enough(ip):
    with pytest.raises(AddressRefused):
        url_policy.find("https://example.org/hook", NOTHING_PRIVATE, says("8.8.8.8", ip))


@pytest.mark.parametrize("url", REFUSED)
def test_what_is_no_url_is_refused_before_any_name_is_looked_up(url):
    def nobody(host: str, port: int) -> list[str]:
        raise AssertionError(f"{host} was looked up")

    with pytest.raises(AddressRefused):
        url_policy.find(url, NOTHING_PRIVATE, nobody)


@pytest.mark.parametrize(
    "host", ["127.0.0.1", "127.1", "2130706433", "0x7f000001", "0177.0.0.1", "[::1]", "[::ffff:127.0.0.1]", "localhost"]
)
def test_every_way_to_write_this_machine_is_refused(host):
    with pytest.raises(AddressRefused):
        url_policy.find(f"http://{host}/hook", NOTHING_PRIVATE)


def test_an_unknown_name_is_refused():
    with pytest.raises(AddressRefused, match="cannot be found"):
        url_policy.find("https://nobody-has-this.invalid/", NOTHING_PRIVATE)


def test_a_name_without_ips_is_refused():
    with pytest.raises(AddressRefused, match="no IP address"):
        url_policy.find("https://example.org/", NOTHING_PRIVATE, says())


def test_an_operator_may_open_networks():
    policy = Policy("webhooks", [ip_network("10.1.0.0/16"), ip_network("fd00::/8")])

    assert url_policy.find("http://inner.example/", policy, says("10.1.2.3")).ip == "10.1.2.3"
    assert url_policy.find("http://inner.example/", policy, says("fd00::1", "10.1.2.3")).ip == "fd00::1"
    for outside in ("10.2.0.1", "127.0.0.1", "::1", "::ffff:10.1.2.3"):
        with pytest.raises(AddressRefused):
            url_policy.find("http://inner.example/", policy, says(outside))


def test_a_name_is_looked_up_once_a_call():
    """What it stands for a moment later is not asked."""
    requested = []

    def rebinding(host: str, port: int) -> list[str]:
        requested.append(host)
        return ["8.8.8.8"] if len(requested) == 1 else ["127.0.0.1"]

    assert url_policy.find("https://example.org/", NOTHING_PRIVATE, rebinding).ip == "8.8.8.8"
    assert requested == ["example.org"]
    with pytest.raises(AddressRefused):
        url_policy.find("https://example.org/", NOTHING_PRIVATE, rebinding)


@pytest.mark.parametrize(
    ("url", "port", "path", "host"),
    [
        ("https://example.org", 443, "/", "example.org"),
        ("http://example.org?a=1", 80, "/?a=1", "example.org"),
        ("http://example.org:8080/a/b?c=d&e", 8080, "/a/b?c=d&e", "example.org:8080"),
        ("https://EXAMPLE.org:443/", 443, "/", "example.org"),
        ("https://example.org.:8443/", 8443, "/", "example.org.:8443"),
        ("https://[2606:4700:4700::1111]/x", 443, "/x", "[2606:4700:4700::1111]"),
        ("http://[2606:4700:4700::1111]:81/", 81, "/", "[2606:4700:4700::1111]:81"),
    ],
)
def test_a_url_is_taken_apart(url, port, path, host):
    destination = url_policy.find(url, NOTHING_PRIVATE, says("8.8.8.8"))

    assert (destination.port, destination.path, destination.host_header) == (port, path, host)


HOSTS_ELSEWHERE = [
    "example.org", "EXAMPLE.org.", "data_1.example.org", "xn--mnchen-3ya.de", "8.8.8.8", "134744072", "0x08080808",
    "2606:4700:4700::1111", "my-bucket.s3.eu-central-1.amazonaws.com", "localhost.example.org", "1.example.org",
]  # fmt: skip
# Every spelling of this machine, of private networks, and of what tells a cloud's machines about themselves.
HOSTS_HERE = [
    *PRIVATE, "127.0.0.1.", "127.1", "127.0.1", "2130706433", "2130706433.", "0x7f000001", "0X7F.1", "0x7f.0.0.0x1",
    "0177.0.0.1", "017700000001", "0", "0x", "10.1", "167772161", "0xa9fea9fe", "0251.0376.0251.0376", "2852039166",
    "168.63.129.16", "100.100.100.200", "::ffff:7f00:1", "fd00:ec2::254",
    "localhost", "LOCALHOST", "localhost.", "a.localhost", "localhost.localdomain", "localhost6.localdomain6",
    "metadata", "metadata.google.internal", "METADATA.GOOGLE.INTERNAL.", "metadata.goog", "instance-data", "minio",
    "data.internal", "printer.local", "nas.lan", "nas.home.arpa", "db.corp", "db.intranet", "db.default.svc",
]  # fmt: skip
NO_HOSTS = [
    "a.org..", "localhost..", "127.0.0.1..",
    "", ".", "..", "a..b", "-a.org", "a-.org-", "a b.org", "ex%61mple.org", "a/b", "user@a.org", "a.org:80", "[::1]",
    "１２７.0.0.1", "127。0。0。1", "ⓛⓞⓒⓐⓛⓗⓞⓢⓣ", "münchen.de", "a\0.org", "a\n.org", "1.2.3.4.5", "256.1.1.1",
    "127.0.0.256",
    "1.65536.1", "4294967296", "09.1.1.1", "a.1", "a.0x7f", "0" * 60, "0x" + "f" * 60, "9" * 250, "fe80::1%eth0",
    ":::", "a" * 254,
]  # fmt: skip


def test_the_text_of_a_host_is_judged():
    for host in HOSTS_ELSEWHERE:
        url_policy.check_host(host, Policy("references", []))
    for host in dict.fromkeys([*HOSTS_HERE, *NO_HOSTS]):
        with pytest.raises(AddressRefused):
            url_policy.check_host(host, Policy("references", []))
            pytest.fail(f"{host!r} was let through")


def test_private_hosts_are_named_where_an_operator_opens_a_network():
    loopback = Policy("references", [ip_network("127.0.0.0/8")])
    for host in ("127.0.0.1", "127.1", "0x7f000001", "localhost", "minio", "data.internal"):
        url_policy.check_host(host, loopback)
    for host in ("10.0.0.1", "169.254.169.254", "::1", "::ffff:127.0.0.1", "１２７.0.0.1", "a b"):
        with pytest.raises(AddressRefused):
            url_policy.check_host(host, loopback)
    with pytest.raises(AddressRefused, match="which references may not reach"):
        url_policy.check_host("localhost", Policy("references", [ip_network("10.0.0.0/8")]))
