"""The content security policy of all answers but style sheets and scripts, and exceptions for pages not ours."""

from collections.abc import Callable, Iterable
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
# A document of bytes that people have uploaded has an origin of its own, and no scripts. The styles are those of the
# browser's own viewers and of HTML that runs have logged, the images those that are in it.
SANDBOX = "default-src 'none'; style-src 'unsafe-inline'; img-src data:; sandbox"


class ContentSecurityPolicyMiddleware(CSPMiddleware):
    """django-csp's own, which would write the policy anew for each answer: all but a few pages have the server's."""

    def process_response(self, request: HttpRequest, response: HttpResponseBase) -> HttpResponseBase:
        if is_sandboxed(request):
            response.headers[HEADER] = SANDBOX
            return response
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

    They are most of the responses of a first visit, and many are shorter than their headers. A 304 has no type, and
    its headers replace those that the browser has kept.
    """
    if not request.path.startswith(settings.STATIC_URL):
        return False
    if response.status_code == 304:
        return request.path.endswith((".css", ".js"))
    return response.headers.get("Content-Type", "").partition(";")[0] in ("text/css", "text/javascript")


def sandboxed(view: Callable[..., HttpResponseBase]) -> Callable[..., HttpResponseBase]:
    """A view of what people have uploaded: every answer at its URL has the policy `SANDBOX`, also 304 and refusals.

    Browsers replace the headers that they have kept by those of a 304.
    """
    view.is_sandboxed = True
    return view


def is_sandboxed(request: HttpRequest) -> bool:
    """Whether the view of this request is `sandboxed`."""
    # What the first middleware refuses has no view.
    match = request.resolver_match
    return match is not None and getattr(match.func, "is_sandboxed", False)


def extend_policy(policy: dict[str, Any], patterns: Iterable[URLPattern | URLResolver]) -> None:
    """Let every view of the patterns answer with `policy` added to the policy of the server."""
    for pattern in patterns:
        if isinstance(pattern, URLResolver):
            extend_policy(policy, pattern.url_patterns)
        else:
            pattern.callback = csp_update(policy)(pattern.callback)
