"""What went wrong is told on pages of our own."""

from urllib.parse import unquote

import pytest
from django.contrib.auth.models import AnonymousUser
from django.test import RequestFactory

from core import errors
from tests.conftest import HTMX
from wanllmdb import error_views
from web import rendering


def is_ours(response, status: int, sentence: str) -> bool:
    page = response.content.decode()
    csp = response["Content-Security-Policy"]
    return response.status_code == status and "wanLLMDB" in page and sentence in page and "default-src 'self'" in csp


def test_404(browser, alice):
    for hands in (browser(), browser(alice)):
        assert is_ours(hands.get("/no/such/page/at/all"), 404, "Page not found")
    assert is_ours(browser(alice).get("/alice/nothing"), 404, "or you don&#x27;t have access")


def test_404_as_a_part_is_a_sentence(browser, alice):
    answer = browser(alice).get("/alice/nothing", headers=HTMX)

    assert (answer.status_code, answer.content) == (404, b"")
    assert "Page not found" in unquote(answer["X-Refusal"])


def test_403(browser, project, vera):
    assert is_ours(browser(vera).get("/acme/demo/settings"), 403, "You need the Editor role in acme to do this.")


def test_a_form_from_elsewhere_is_403(browser, alice, client):
    hands = type(client)(enforce_csrf_checks=True)
    hands.force_login(alice)

    assert is_ours(hands.post("/teams/new", {"name": "x"}), 403, "Reload the page")
    answer = hands.post("/teams/new", {"name": "x"}, headers=HTMX)
    assert "Reload the page" in unquote(answer["X-Refusal"])


def test_413(browser, alice, settings):
    settings.MAX_BODY_BYTES = 1000
    answer = browser(alice).post("/teams/new", {"name": "x" * 2000})

    assert is_ours(answer, 413, "The body is over")
    assert answer["X-Request-ID"]


def test_400(db, browser):
    assert is_ours(browser().get("/login?next=%ff"), 400, "not UTF-8")
    assert is_ours(browser().get("/login", headers={"Host": "evil.example"}), 400, "is not valid")


def test_503_says_when_to_try_again(alice):
    request = RequestFactory().get("/")
    request.user = AnonymousUser()
    answer = rendering.render_refusal(request, errors.Unavailable("The object store does not respond."))

    assert (answer.status_code, answer["Retry-After"]) == (503, "5")
    assert "The object store does not respond." in answer.content.decode()


def test_500_needs_nothing_that_may_have_failed():
    """Neither the database, which this test does not have, nor the hashed names of static files."""
    request = RequestFactory().get("/acme/demo")
    request.id = "request-1"
    answer = error_views.server_error(request)

    assert answer.status_code == 500
    page = answer.content.decode()
    assert "Something went wrong" in page and "request-1" in page
    assert "<style" not in page and "style=" not in page


@pytest.mark.parametrize("path", ["/api/v1/nothing", "/api/v1/keys/no-uuid"])
def test_the_api_keeps_its_own_form(browser, alice, path):
    answer = browser(alice).get(path)

    assert (answer.status_code, answer["Content-Type"]) == (404, "application/problem+json")
