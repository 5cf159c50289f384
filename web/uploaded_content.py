"""How pages show bytes that people have uploaded: what browsers may load for them, and keep of them."""

from django.conf import settings
from django.http import HttpResponseBase

_STORE = ["'self'", settings.STORE_ORIGIN]
# What the browser shows or plays itself comes from here, or if it is large, from the object store.
PAGE_POLICY = {"img-src": [settings.STORE_ORIGIN], "media-src": _STORE, "frame-src": _STORE}
# The images of a notebook are in its page. Images run no scripts, whatever they hold.
NOTEBOOK_POLICY = {"img-src": ["data:"]}


def policy_for(kind: str) -> dict[str, list[str]]:
    """What is added to the policy of a page with a preview of this kind."""
    return NOTEBOOK_POLICY if kind == "notebook" else PAGE_POLICY


def with_headers(response: HttpResponseBase) -> HttpResponseBase:
    """Kept by the browser, and shown again only to who may still see it. A 304 has the same headers as the bytes."""
    response["Cross-Origin-Resource-Policy"] = "same-origin"
    response["Cache-Control"] = "private, no-cache"
    return response
