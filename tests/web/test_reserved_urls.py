"""Addresses of our own and names of teams do not meet."""

import re

from django.urls import get_resolver

from accounts.validators import RESERVED


def test_the_first_word_of_each_page_is_reserved():
    words = {re.match(r"[\w.-]*", str(pattern)).group() for pattern in _routes(get_resolver())}

    assert {"", "search", "profile", "teams", "invite", "readyz", "api"} <= words
    assert {word.lower() for word in words} - {""} <= RESERVED


def _routes(resolver, before: str = "") -> list[str]:
    found = []
    for pattern in resolver.url_patterns:
        route = before + str(pattern.pattern).removeprefix("^")
        found += _routes(pattern, route) if hasattr(pattern, "url_patterns") else [route]
    return found
