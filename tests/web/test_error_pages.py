"""What went wrong is told on pages of our own."""

from urllib.parse import unquote

import pytest
from django.contrib.auth.models import AnonymousUser
from django.test import RequestFactory

from core import errors
from tests.conftest import HTMX
from wanllmdb import error_views
from web import rendering


def is_ours(response, status: int, message: str) -> bool:
    page = response.content.decode()
    csp = response["Content-Security-Policy"]
    return response.status_code == status and "wanLLMDB" in page and message in page and "default-src 'self'" in csp


def test_404(browser, alice):
    for client in (browser(), browser(alice)):
        assert is_ours(client.get("/no/such/page/at/all"), 404, "Page not found")
    assert is_ours(browser(alice).get("/alice/nothing"), 404, "or you don&#x27;t have access")


def test_404_as_a_part_is_a_message(browser, alice):
    response = browser(alice).get("/alice/nothing", headers=HTMX)

    assert (response.status_code, response.content) == (404, b"")
    assert "Page not found" in unquote(response["X-Refusal"])


def test_403(browser, project, vera):
    assert is_ours(browser(vera).get("/acme/demo/settings"), 403, "You need the Editor role in acme to do this.")


def test_a_form_from_elsewhere_is_403(browser, alice, client):
    client = type(client)(enforce_csrf_checks=True)
    client.force_login(alice)

    assert is_ours(client.post("/teams/new", {"name": "x"}), 403, "Reload the page")
    response = client.post("/teams/new", {"name": "x"}, headers=HTMX)
    assert "Reload the page" in unquote(response["X-Refusal"])


def test_413(browser, alice, settings):
    settings.MAX_BODY_BYTES = 1000
    response = browser(alice).post("/teams/new", {"name": "x" * 2000})

    assert is_ours(response, 413, "The body is over")
    assert response["X-Request-ID"]


def test_400(db, browser):
    assert is_ours(browser().get("/login?next=%ff"), 400, "not UTF-8")
    assert is_ours(browser().get("/login", headers={"Host": "evil.example"}), 400, "is not valid")


def test_503_says_when_to_try_again(alice):
    request = RequestFactory().get("/")
    request.user = AnonymousUser()
    response = rendering.render_refusal(request, errors.Unavailable("The object store does not respond."))

    assert (response.status_code, response["Retry-After"]) == (503, "5")
    assert "The object store does not respond." in response.content.decode()


def test_500_needs_nothing_that_may_have_failed():
    """Neither the database, which this test does not have, nor the hashed names of static files."""
    request = RequestFactory().get("/acme/demo")
    request.id = "request-1"
    response = error_views.server_error(request)

    assert response.status_code == 500
    page = response.content.decode()
    assert "Something went wrong" in page and "request-1" in page
    assert "<style" not in page and "style=" not in page


@pytest.mark.parametrize("path", ["/api/v1/nothing", "/api/v1/keys/no-uuid"])
def test_the_api_keeps_its_own_form(browser, alice, path):
    response = browser(alice).get(path)

    assert (response.status_code, response["Content-Type"]) == (404, "application/problem+json")
