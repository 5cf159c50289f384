"""The content security policy of all answers but style sheets and scripts, and exceptions for pages not ours."""

from collections.abc import Iterable
from typing import Any

from csp.constants import HEADER
from csp.decorators import csp_update
from csp.middleware import CSPMiddleware
from csp.utils import build_policy
from django.conf import settings
from django.http import HttpRequest, HttpResponseBase
from django.urls import URLPattern, URLResolver
from django.utils.functional import cached_property

# Pages load nothing inline, and nothing from other servers.
POLICY = {
    "default-src": ["'self'"],
    "object-src": ["'none'"],
    "base-uri": ["'self'"],
    "frame-ancestors": ["'none'"],
    "form-action": ["'self'"],
    # Listed so that an exception adds to them: default-src applies only where a directive is absent.
    "script-src": ["'self'"],
    "style-src": ["'self'"],
    "img-src": ["'self'"],
    "connect-src": ["'self'"],
}
# unfold's Alpine.js evaluates expressions from attributes, and its theme is a <style> in the page.
ADMIN_EXCEPTIONS = {"script-src": ["'unsafe-eval'"], "style-src": ["'unsafe-inline'"], "img-src": ["data:"]}


class ContentSecurityPolicyMiddleware(CSPMiddleware):
    """django-csp's own, which would write the policy anew for each answer: all but a few pages have the server's."""

    def process_response(self, request: HttpRequest, response: HttpResponseBase) -> HttpResponseBase:
        if hasattr(request, "_csp_nonce") or any(name.startswith("_csp_") for name in vars(response)):
            return super().process_response(request, response)
        if not _is_our_code(request, response):
            response.headers.setdefault(HEADER, self._of_the_server)
        return response

    @cached_property
    def _of_the_server(self) -> str:
        return build_policy()


def _is_our_code(request: HttpRequest, response: HttpResponseBase) -> bool:
    """A style sheet or script of ours is no document, so that the policy of the page that loads it applies.

    They are most of the responses of a first visit, and many are shorter than their headers.
    """
    kind = response.headers.get("Content-Type", "").partition(";")[0]
    return kind in ("text/css", "text/javascript") and request.path.startswith(settings.STATIC_URL)


def extend_policy(policy: dict[str, Any], patterns: Iterable[URLPattern | URLResolver]) -> None:
    """Let every view of the patterns answer with `policy` added to the policy of the server."""
    for pattern in patterns:
        if isinstance(pattern, URLResolver):
            extend_policy(policy, pattern.url_patterns)
        else:
            pattern.callback = csp_update(policy)(pattern.callback)
