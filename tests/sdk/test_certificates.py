"""Servers with certificates: whom the SDK trusts, and what it says about the others."""

import shutil
import subprocess

import pytest

import wanllmdb as wandb
from tests.sdk.network import ApiHandler, Authority, me, serve
from wanllmdb.sdk.http_client import Client


@pytest.fixture(scope="module")
def authority(tmp_path_factory) -> Authority:
    return Authority(tmp_path_factory.mktemp("authority"))


@pytest.fixture(scope="module")
def server(authority):
    with serve(ApiHandler, authority.issue("127.0.0.1", "localhost")) as server:
        yield server


def refusal(url: str) -> str:
    with pytest.raises(wandb.Unreachable) as error:
        me(url)
    return str(error.value)


@pytest.mark.parametrize("variable", ["REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "SSL_CERT_FILE"])
def test_an_authority_is_trusted_that_a_variable_names(monkeypatch, authority, server, variable):
    monkeypatch.setenv(variable, str(authority.path))
    assert me(server.url) == "bob"


def test_a_bundle_may_be_in_the_home_directory_or_end_in_a_line_break(monkeypatch, authority, server):
    monkeypatch.setenv("HOME", str(authority.path.parent))
    for value in (f"~/{authority.path.name}", f"{authority.path}\n"):
        monkeypatch.setenv("REQUESTS_CA_BUNDLE", value)
        assert me(server.url) == "bob"


@pytest.mark.parametrize("variable", ["REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "SSL_CERT_DIR"])
def test_a_directory_of_authorities_is_trusted(monkeypatch, tmp_path, authority, server, variable):
    shutil.copy(authority.path, tmp_path / "authority.pem")
    subprocess.run(["openssl", "rehash", tmp_path], check=True)
    monkeypatch.setenv(variable, str(tmp_path))
    assert me(server.url) == "bob"


def test_a_bundle_replaces_the_authorities_of_the_system(monkeypatch, tmp_path, authority, server):
    other = Authority(tmp_path, "other")
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(other.path))
    message = refusal(server.url)
    assert "not signed by an authority that is trusted here. Set SSL_CERT_FILE" in message
    assert f"(trusted now: REQUESTS_CA_BUNDLE={other.path})" in message
    # What the error advises helps, although another variable is set.
    monkeypatch.setenv("SSL_CERT_FILE", str(authority.path))
    assert me(server.url) == "bob"


def test_the_error_of_an_untrusted_certificate_says_what_to_set(server):
    assert refusal(server.url) == (
        f"Cannot reach {server.url}: its certificate is not signed by an authority that is trusted here. "
        "Set SSL_CERT_FILE to the file, in PEM format, that has the certificate of its authority."
    )


def test_a_variable_that_names_nothing_is_reported(monkeypatch, tmp_path, server):
    missing, other = str(tmp_path / "missing.pem"), Authority(tmp_path, "other")
    monkeypatch.setenv("SSL_CERT_FILE", missing)
    assert f"SSL_CERT_FILE is '{missing}', which does not exist" in refusal(server.url)
    monkeypatch.setenv("SSL_CERT_FILE", str(other.path))
    assert f"(trusted now: SSL_CERT_FILE={other.path})" in refusal(server.url)
    (tmp_path / "text.pem").write_text("nothing\n")
    for path in (missing, str(tmp_path / "text.pem")):
        monkeypatch.setenv("CURL_CA_BUNDLE", path)
        with pytest.raises(wandb.Invalid, match=f"CURL_CA_BUNDLE is '{path}', which cannot be used"):
            me(server.url)


def test_a_bundle_is_not_needed_without_tls(monkeypatch, tmp_path):
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(tmp_path / "missing.pem"))
    with serve(ApiHandler) as plain:
        assert me(plain.url) == "bob"


def test_an_expired_certificate_is_called_expired(monkeypatch, authority):
    monkeypatch.setenv("SSL_CERT_FILE", str(authority.path))
    with serve(ApiHandler, authority.issue("127.0.0.1", days=-1)) as server:
        message = refusal(server.url)
    assert "its certificate has expired. Is the clock of this machine right?" in message
    assert "SSL_CERT_FILE" not in message


def test_a_certificate_for_another_name_is_called_so(monkeypatch, authority):
    monkeypatch.setenv("SSL_CERT_FILE", str(authority.path))
    with serve(ApiHandler, authority.issue("example.org")) as server:
        assert "its certificate is for another name" in refusal(server.url)


def test_a_server_without_tls_is_called_so():
    with serve(ApiHandler) as server:
        message = refusal(server.url.replace("http:", "https:"))
    assert "it does not speak TLS. Should the URL start with http:// rather than https://?" in message


def test_the_object_store_is_trusted_in_the_same_way_and_by_the_same_client(monkeypatch, authority, server):
    store_url = f"{server.url}/bucket/key?X-Amz-Signature=00"
    received = bytearray()
    client = Client(server.url, "wllm_x")
    with pytest.raises(wandb.Unreachable, match="Set SSL_CERT_FILE"):
        client.download_range(store_url, 0, 3, received.extend)
    monkeypatch.setenv("CURL_CA_BUNDLE", str(authority.path))
    with pytest.raises(wandb.ServerError, match="answered 200 RangeIgnored"):
        client.download_range(store_url, 0, 3, received.extend)
    client.close()


def test_an_ipv6_address_is_reached(monkeypatch, authority):
    monkeypatch.setenv("SSL_CERT_FILE", str(authority.path))
    with serve(ApiHandler, authority.issue("::1"), host="::1") as server:
        monkeypatch.setenv("WANLLMDB_BASE_URL", f" {server.url}/ ")
        monkeypatch.setenv("WANLLMDB_API_KEY", "wllm_x")
        assert wandb.Api().viewer["username"] == "bob"
