"""Where webhooks may go: to the public Internet, by the address that was judged, and nowhere else."""

from ipaddress import ip_network

import pytest

from notifications import errors, url_policy

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
    "https://[fe80::1%25eth0]/", "https://-example.org/", "https://exa$mple.org/", "https://" + "a" * 2000,
]  # fmt: skip


@pytest.fixture(autouse=True)
def no_network_of_ones_own(settings) -> None:
    settings.WEBHOOK_PRIVATE_NETWORKS = []


def says(*answers: str) -> url_policy.Lookup:
    """A name server that knows these addresses for every name."""
    return lambda host, port: list(answers)


@pytest.mark.parametrize("ip", PUBLIC)
def test_public_ips_may_be_called(ip):
    destination = url_policy.find("https://example.org/hook", says(ip))

    assert (destination.ip, destination.host, destination.port, destination.path) == (
        ip,
        "example.org",
        443,
        "/hook",
    )


@pytest.mark.parametrize("ip", PRIVATE)
def test_others_may_not(ip):
    with pytest.raises(errors.AddressRefused, match="private network"):
        url_policy.find("https://example.org/hook", says(ip))


@pytest.mark.parametrize("ip", PRIVATE)
def test_one_private_ip_among_public_ones_is_enough(ip):
    with pytest.raises(errors.AddressRefused):
        url_policy.find("https://example.org/hook", says("8.8.8.8", ip))


@pytest.mark.parametrize("url", REFUSED)
def test_what_is_no_url_is_refused_before_any_name_is_looked_up(url):
    def nobody(host: str, port: int) -> list[str]:
        raise AssertionError(f"{host} was looked up")

    with pytest.raises(errors.AddressRefused):
        url_policy.find(url, nobody)


@pytest.mark.parametrize(
    "host", ["127.0.0.1", "127.1", "2130706433", "0x7f000001", "0177.0.0.1", "[::1]", "[::ffff:127.0.0.1]", "localhost"]
)
def test_every_way_to_write_this_machine_is_refused(host):
    with pytest.raises(errors.AddressRefused):
        url_policy.find(f"http://{host}/hook")


def test_an_unknown_name_is_refused():
    with pytest.raises(errors.AddressRefused, match="cannot be found"):
        url_policy.find("https://nobody-has-this.invalid/")


def test_a_name_without_ips_is_refused():
    with pytest.raises(errors.AddressRefused, match="no IP address"):
        url_policy.find("https://example.org/", says())


def test_settings_may_open_networks(settings):
    settings.WEBHOOK_PRIVATE_NETWORKS = [ip_network("10.1.0.0/16"), ip_network("fd00::/8")]

    assert url_policy.find("http://inner.example/", says("10.1.2.3")).ip == "10.1.2.3"
    assert url_policy.find("http://inner.example/", says("fd00::1", "10.1.2.3")).ip == "fd00::1"
    for outside in ("10.2.0.1", "127.0.0.1", "::1", "::ffff:10.1.2.3"):
        with pytest.raises(errors.AddressRefused):
            url_policy.find("http://inner.example/", says(outside))


def test_a_name_is_looked_up_once_a_call():
    """What it stands for a moment later is not asked."""
    requested = []

    def rebinding(host: str, port: int) -> list[str]:
        requested.append(host)
        return ["8.8.8.8"] if len(requested) == 1 else ["127.0.0.1"]

    assert url_policy.find("https://example.org/", rebinding).ip == "8.8.8.8"
    assert requested == ["example.org"]
    with pytest.raises(errors.AddressRefused):
        url_policy.find("https://example.org/", rebinding)


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
    destination = url_policy.find(url, says("8.8.8.8"))

    assert (destination.port, destination.path, destination.host_header) == (port, path, host)
