"""Exceptions from the content security policy for pages that are not ours to write."""

from collections.abc import Iterable
from typing import Any

from csp.decorators import csp_update
from django.urls import URLPattern, URLResolver


def under(policy: dict[str, Any], patterns: Iterable[URLPattern | URLResolver]) -> None:
    """Let every view of the patterns answer with `policy` added to the policy of the server."""
    for pattern in patterns:
        if isinstance(pattern, URLResolver):
            under(policy, pattern.url_patterns)
        else:
            pattern.callback = csp_update(policy)(pattern.callback)
