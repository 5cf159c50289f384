"""Addresses of our own and names of teams do not meet."""

import re

from django.urls import get_resolver

from accounts.validators import RESERVED


def test_the_first_segment_of_every_page_is_reserved():
    first_segments = {re.match(r"[\w.-]*", str(pattern)).group() for pattern in _routes(get_resolver())}

    assert {"", "search", "profile", "teams", "invite", "readyz", "api"} <= first_segments
    assert {segment.lower() for segment in first_segments} - {""} <= RESERVED


def _routes(resolver, before: str = "") -> list[str]:
    routes = []
    for pattern in resolver.url_patterns:
        route = before + str(pattern.pattern).removeprefix("^")
        routes += _routes(pattern, route) if hasattr(pattern, "url_patterns") else [route]
    return routes
