import pytest

from tests.sdk.conftest import home
from wanllmdb.records import addresses
from wanllmdb.records.addresses import RemoteAddress
from wanllmdb.sdk import connection, errors

__all__ = ["home"]

pytestmark = pytest.mark.usefixtures("home")
SERVER = "https://server.example"


@pytest.fixture
def someone():
    return connection.connect(base_url=SERVER, project="vision", entity="acme", api_key="wllm_x")


@pytest.mark.parametrize(
    ("address", "is_local"),
    [
        ("sqlite://:memory:", True),
        ("sqlite:///records.db", True),
        ("sqlite+aiosqlite:///records.db", True),
        ("postgresql://user@host/db", True),
        ("postgres://user@host/db", True),
        ("postgresql+psycopg://host/db", True),
        ("acme/vision/runs", False),
        ("postgres/vision/runs", False),
        ("https://server.example/h/acme/vision/runs", False),
    ],
)
def test_databases_are_local(address, is_local):
    assert addresses.is_local(address) is is_local


@pytest.mark.parametrize("address", ["acme/vision/runs", "vision/runs", "runs", " runs "])
def test_parts_that_a_name_lacks_come_from_the_settings(someone, address):
    assert addresses.parse_remote(address, someone) == RemoteAddress(SERVER, "acme", "vision", "runs")


@pytest.mark.parametrize("rest", ["", "/", "/api/v1", "/api/v1/artifacts", "/api/v1/artifacts/"])
@pytest.mark.parametrize("base", [SERVER, f"{SERVER}/registry", "http://127.0.0.1:8000", f"{SERVER}/h/a/b/c"])
def test_a_url_names_server_and_hierarchy(someone, base, rest):
    parsed = addresses.parse_remote(f"{base}/h/acme/vision/runs{rest}", someone)
    assert parsed == RemoteAddress(base, "acme", "vision", "runs")
    assert parsed.url == f"{base}/h/acme/vision/runs"
    assert str(parsed) == "acme/vision/runs"


@pytest.mark.parametrize(
    "address",
    [
        *("", "/", "a/b/c/d", "acme//runs", "acme/vision/", "acme/vision/a b", "records.sqlite3/"),
        *(SERVER, f"{SERVER}/acme/vision/runs", f"{SERVER}/h/acme/vision", f"{SERVER}/h/acme/vision/runs/more"),
        *("ftp://server/h/acme/vision/runs", "https:///h/acme/vision/runs", f"{SERVER}/h/acme/vision/runs?page=2"),
    ],
)
def test_what_is_no_address_is_refused(someone, address):
    with pytest.raises(errors.Invalid):
        addresses.parse_remote(address, someone)


def test_a_password_is_not_repeated(settings):
    with pytest.raises(errors.Invalid) as refusal:
        addresses.parse_remote("https://bob:secret@server.example/nothing", someone)
    assert "secret" not in str(refusal.value)
