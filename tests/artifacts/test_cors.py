"""Which pages may send to the store: those of this server, and no others."""

import urllib3
from django.conf import settings
from django.core.management import call_command

from artifacts import storage
from tests.artifacts.client import HTTP

STRANGER = "https://elsewhere.example"


def ask(url: str, origin: str) -> urllib3.BaseHTTPResponse:
    """What a browser asks before it sends a file."""
    headers = {
        "Origin": origin,
        "Access-Control-Request-Method": "PUT",
        "Access-Control-Request-Headers": "content-type",
    }
    return HTTP.request("OPTIONS", url, headers=headers)


def test_pages_of_this_server_may_send_and_others_may_not():
    call_command("prepare_store")
    url = storage.get_upload_url("probes/cors", 1).url

    for origin in settings.PAGE_ORIGINS:
        answer = ask(url, origin)
        assert (answer.status, answer.headers["Access-Control-Allow-Origin"]) == (200, origin)
        assert "PUT" in answer.headers["Access-Control-Allow-Methods"]
        sent = HTTP.request("PUT", url, body=b"x", headers={"Origin": origin})
        assert sent.headers["Access-Control-Expose-Headers"] == "ETag"
    assert "Access-Control-Allow-Origin" not in ask(url, STRANGER).headers


def test_the_own_machine_has_two_names():
    assert {origin.replace("localhost", "127.0.0.1") for origin in settings.PAGE_ORIGINS} == {settings.BASE_URL}
    assert len(settings.PAGE_ORIGINS) == 2
