"""Which answers have the policy of pages: all but our style sheets and scripts, also once a browser has kept them."""

import pytest
from django.http import HttpResponse
from django.test import RequestFactory

from core.csp import ContentSecurityPolicyMiddleware


@pytest.mark.parametrize(
    ("path", "status", "type", "has_policy"),
    [
        ("/static/css/tokens.css", 200, "text/css", False),
        ("/static/css/tokens.css", 304, None, False),
        ("/static/js/app.js", 304, None, False),
        ("/static/js/none.js", 404, "text/html", True),
        ("/static/img/icons.svg", 304, None, True),
        ("/teams/a.css", 200, "text/css", True),
        ("/teams/a.css", 304, None, True),
    ],
)
def test_which_answers_have_the_policy_of_pages(path, status, type, has_policy):
    response = HttpResponse(status=status, content_type=type)
    if type is None:
        del response["Content-Type"]
    answer = ContentSecurityPolicyMiddleware(lambda request: response)(RequestFactory().get(path))

    assert ("Content-Security-Policy" in answer) == has_policy
