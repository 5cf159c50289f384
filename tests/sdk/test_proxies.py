"""Requests through a proxy, by the variables and rules of `curl` and `requests`."""

import subprocess

import pytest

import wanllmdb as wandb
from tests.sdk.network import ApiHandler, Authority, ProxyHandler, me, serve
from wanllmdb.sdk.host_environment import proxies
from wanllmdb.sdk.http_client import Client

USER, PASSWORD = "us/er", "p@ss: wörd"
USER_INFO = "us%2Fer:p%40ss%3A%20w%C3%B6rd"


@pytest.fixture(scope="module")
def authority(tmp_path_factory) -> Authority:
    return Authority(tmp_path_factory.mktemp("authority"))


@pytest.fixture(scope="module")
def server():
    with serve(ApiHandler) as server:
        yield server


@pytest.fixture(scope="module")
def tls_server(authority):
    with serve(ApiHandler, authority.issue("127.0.0.1")) as server:
        yield server


@pytest.fixture
def proxy():
    with serve(ProxyHandler) as proxy:
        yield proxy


@pytest.fixture(autouse=True)
def trusted(monkeypatch, authority) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(authority.path))


@pytest.mark.parametrize("variable", ["http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"])
def test_a_server_without_tls_is_reached_through_the_proxy(monkeypatch, server, proxy, variable):
    monkeypatch.setenv(variable, proxy.url)
    assert me(server.url) == "bob"
    assert [request[:2] for request in proxy.requests] == [("GET", f"{server.url}/api/v1/me")]


@pytest.mark.parametrize("variable", ["https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY"])
def test_a_server_with_tls_is_reached_through_a_tunnel(monkeypatch, tls_server, proxy, variable):
    monkeypatch.setenv(variable, proxy.url)
    assert me(tls_server.url) == "bob"
    [(method, target, headers)] = proxy.requests
    assert (method, target) == ("CONNECT", tls_server.url.removeprefix("https://"))
    assert "Authorization" not in headers


def test_a_proxy_can_have_tls_itself(monkeypatch, authority, server, tls_server):
    with serve(ProxyHandler, authority.issue("127.0.0.1")) as proxy:
        monkeypatch.setenv("all_proxy", proxy.url)
        assert (me(server.url), me(tls_server.url)) == ("bob", "bob")
        assert [request[0] for request in proxy.requests] == ["GET", "CONNECT"]


def test_a_proxy_needs_no_scheme(monkeypatch, server, proxy):
    monkeypatch.setenv("http_proxy", proxy.url.removeprefix("http://"))
    assert me(server.url) == "bob"
    assert proxy.requests


@pytest.mark.parametrize(
    "text, url",
    [
        ("proxy.example", "http://proxy.example:80"),
        ("https://proxy.example/", "https://proxy.example:443"),
        ("socks5h://proxy.example", "socks5h://proxy.example:1080"),
        ("[::1]:3128", "http://[::1]:3128"),
        (" HTTP://Proxy.Example:3128 \n", "http://proxy.example:3128"),
    ],
)
def test_what_is_left_out_is_added(monkeypatch, text, url):
    monkeypatch.setenv("http_proxy", text)
    assert proxies.find("http://x.example").url == url


@pytest.mark.parametrize("text", ["http://", "ftp://p.example", "http://u:s3cret#@p.example:1", "u:s3cret@p:x", "a b"])
def test_what_is_no_proxy_is_refused_without_showing_it(monkeypatch, text):
    monkeypatch.setenv("HTTP_PROXY", text)
    with pytest.raises(wandb.Invalid, match=r"^HTTP_PROXY is not the URL of a proxy") as error:
        proxies.find("http://x.example")
    assert "s3cret" not in str(error.value)


def test_a_socks_proxy_needs_a_package(monkeypatch):
    monkeypatch.setenv("all_proxy", "socks5://u:s3cret@127.0.0.1:1")
    with pytest.raises(wandb.Invalid, match=r"socks5://127\.0\.0\.1:1 \(from all_proxy\) needs PySocks"):
        me("http://x.example")


def test_a_variable_of_the_scheme_comes_first_and_lower_case_before_upper(monkeypatch):
    monkeypatch.setenv("ALL_PROXY", "http://all.example:1")
    monkeypatch.setenv("HTTP_PROXY", "http://upper.example:1")
    assert proxies.find("http://x.example").source == "HTTP_PROXY"
    assert proxies.find("https://x.example").source == "ALL_PROXY"
    monkeypatch.setenv("http_proxy", "http://lower.example:1")
    assert proxies.find("http://x.example").source == "http_proxy"
    # In a CGI script a client sets it, with the header `Proxy`.
    monkeypatch.delenv("http_proxy")
    monkeypatch.setenv("REQUEST_METHOD", "GET")
    assert proxies.find("http://x.example").source == "ALL_PROXY"


@pytest.mark.parametrize("scheme", ["http", "https"])
def test_user_and_password_are_decoded_and_sent(monkeypatch, server, tls_server, proxy, scheme):
    proxy.required_credentials = f"{USER}:{PASSWORD}"
    monkeypatch.setenv(f"{scheme}_proxy", proxy.url.replace("://", f"://{USER_INFO}@"))
    upstream = server if scheme == "http" else tls_server
    assert me(upstream.url) == "bob"
    assert "Proxy-Authorization" not in upstream.requests[-1][2] or scheme == "http"


@pytest.mark.parametrize("scheme", ["http", "https"])
def test_a_407_is_told_as_the_proxys(monkeypatch, server, tls_server, proxy, scheme):
    proxy.required_credentials = f"{USER}:{PASSWORD}"
    url = (server if scheme == "http" else tls_server).url
    monkeypatch.setenv(f"{scheme}_proxy", proxy.url)
    for user_info, reason in (("", "requires a user name and a password"), ("u:s3cret@", "rejects the user name")):
        monkeypatch.setenv(f"{scheme}_proxy", proxy.url.replace("://", f"://{user_info}"))
        with pytest.raises(wandb.Unreachable) as error:
            me(url)
        message = str(error.value)
        assert f"Cannot reach {url}: the proxy {proxy.url} (from {scheme}_proxy) {reason}" in message
        assert (error.value.status, error.value.url) == (407, url)
        assert "s3cret" not in message
        assert "WANLLMDB_BASE_URL" not in message
    # It is the same the next time, so there is none.
    assert len(proxy.requests) == 2


def test_a_407_for_the_object_store_is_told_in_the_same_way(monkeypatch, server, proxy):
    proxy.required_credentials = "u:p"
    monkeypatch.setenv("http_proxy", proxy.url)
    with pytest.raises(wandb.Unreachable, match="requires a user name and a password"):
        Client(server.url, "wllm_x").upload(f"{server.url}/key?X-Amz-Signature=0", {}, lambda: [b"x"], 1)


def test_a_tunnel_that_the_proxy_refuses_is_told_as_the_proxys(monkeypatch, tls_server, proxy):
    proxy.refusal = 403
    monkeypatch.setenv("https_proxy", proxy.url)
    with pytest.raises(wandb.Unreachable, match=f"the proxy {proxy.url} .* does not connect to it, and answered 403"):
        me(tls_server.url)
    assert len(proxy.requests) == 1
    proxy.refusal = 502  # the server may be restarting
    with pytest.raises(wandb.Unreachable, match="and answered 502"):
        me(tls_server.url)
    assert len(proxy.requests) > 2


def test_an_answer_of_the_proxy_is_not_taken_for_the_servers(monkeypatch, server, proxy):
    proxy.refusal = 403
    monkeypatch.setenv("http_proxy", proxy.url)
    with pytest.raises(wandb.Denied, match=f"answered 403 Forbidden \\(through the proxy {proxy.url}\\)"):
        me(server.url)


def test_a_proxy_that_is_away_is_named(monkeypatch, server, tls_server):
    monkeypatch.setenv("all_proxy", "http://u:s3cret@127.0.0.1:1")
    for url in (server.url, tls_server.url):
        with pytest.raises(wandb.Unreachable) as error:
            me(url)
        assert str(error.value) == (
            f"Cannot reach {url}: the proxy http://127.0.0.1:1 failed: connection refused. "
            "It is named by all_proxy, and no_proxy can except the server from it."
        )


NO_PROXY = [
    # host, no_proxy, whether the host is reached directly
    ("www.example.com", "*", True),
    ("www.example.com", "example.com", True),
    ("www.example.com", ".example.com", True),
    ("example.com", ".example.com", True),
    ("example.com", "example.com", True),
    ("EXAMPLE.com", "example.COM", True),
    ("example.com.", "example.com", True),
    ("example.com", "example.com.", True),
    ("notexample.com", "example.com", False),
    ("example.com", "www.example.com", False),
    ("example.com", "le.com", False),
    ("www.example.com", "*.example.com", False),
    ("www.example.com", "other.org,example.com", True),
    ("www.example.com", "other.org, example.com", True),
    ("www.example.com", ",,example.com,", True),
    ("www.example.com", "", False),
    ("localhost", "127.0.0.1", False),
    ("127.0.0.1", "127.0.0.1", True),
    ("127.0.0.1", "127.0.0.0/8", True),
    ("127.0.0.1", "10.0.0.0/8,127.0.0.1/32", True),
    ("127.0.0.1", "10.0.0.0/8", False),
    ("127.0.0.1", "0.0.1", False),
    ("[::1]", "::1", True),
    ("[::1]", "::/64", True),
    ("[::1]", "fe80::/10", False),
]


@pytest.mark.parametrize("host, no_proxy, is_direct", NO_PROXY)
def test_the_exceptions_are_those_of_curl(monkeypatch, host, no_proxy, is_direct):
    monkeypatch.setenv("http_proxy", "http://proxy.example:3128")
    for variable in ("no_proxy", "NO_PROXY"):
        with monkeypatch.context() as patch:
            patch.setenv(variable, no_proxy)
            assert (proxies.find(f"http://{host}/") is None) is is_direct


def test_curl_does_the_same(monkeypatch, proxy, server):
    monkeypatch.setenv("http_proxy", proxy.url)
    proxy.refusal = 418
    port = server.url.rpartition(":")[2]
    for host, no_proxy, is_direct in NO_PROXY:
        if no_proxy == "::/64":
            continue  # networks of IPv6 are in its documentation, but curl 7.88 does not match them
        command = ["curl", "--silent", "--output", "/dev/null", "--write-out", "%{http_code}", "--noproxy", no_proxy]
        command += ["--resolve", f"*:{port}:127.0.0.1", f"http://{host}:{port}/"]
        status = subprocess.run(command, capture_output=True, text=True).stdout
        assert (status != "418") is is_direct, (host, no_proxy, status)


def test_an_exception_can_have_a_port_as_in_requests():
    for entry in ("example.com:8000", ".example.com:8000", "10.0.0.1:8000", "[::1]:8000"):
        host = entry.rpartition(":")[0].strip(".[]")
        assert proxies.is_excepted(entry, host, 8000)
        assert not proxies.is_excepted(entry, host, 80)
    assert proxies.is_excepted("[::1]", "::1", 80)
    assert proxies.is_excepted("a.example b.example", "b.example", 80)
