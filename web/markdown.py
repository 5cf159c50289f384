"""What people write in Markdown, as HTML that can do no harm, within bounds of time and memory."""

from hashlib import sha256

from django.core.cache import caches
from django.utils.html import format_html
from django.utils.safestring import SafeString, mark_safe

from artifacts import errors
from artifacts.previews import markdown_html, sandbox
from artifacts.previews.results import PreviewTooLarge

MAX_TEXT = 100_000
# What hostile Markdown costs grows with the square of its length: up to this, it is a few hundredths of a second.
MAX_DIRECT = 4_096
MAX_HTML = 512 * 2**10
MAX_EXCERPT = 1_024


def render(text: str, person: str) -> SafeString:
    """Sanitised HTML of the text, or of its first 100,000 characters.

    A long text is rendered for this person in a process that has limits, once; one that goes beyond them is shown as it
    was written, and so is one for which the server has no slot just now.
    """
    cut = f"{text[:MAX_TEXT]}…" if len(text) > MAX_TEXT else text
    if len(cut) <= MAX_DIRECT:
        return mark_safe(markdown_html.render(cut))
    cache, key = caches["markdown"], sha256(cut.encode("utf-8", "replace")).hexdigest()
    html = cache.get(key)
    if html is None:
        try:
            html = _render_apart(cut, person)
        except errors.Busy:
            return _source(cut)
        cache.set(key, html)
    return mark_safe(html)


def excerpt(text: str) -> str:
    """The beginning of a text, as plain text on one line."""
    return markdown_html.plain_text(text[:MAX_EXCERPT])


def _render_apart(text: str, person: str) -> str:
    try:
        html = sandbox.markdown(text, person)
    except PreviewTooLarge:
        return _source(text)
    return html if len(html) <= MAX_HTML else _source(text)


def _source(text: str) -> SafeString:
    return format_html("<pre>{}</pre>", text)
