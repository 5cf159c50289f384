"""What people write in Markdown, as HTML that can do no harm."""

from collections.abc import Sequence
from typing import Any

import nh3
from django.utils.html import escape
from django.utils.safestring import SafeString, mark_safe
from markdown_it import MarkdownIt
from markdown_it.renderer import RendererHTML
from markdown_it.token import Token

MAX_TEXT = 100_000

_TAG_NAMES = """
    a blockquote br code em h1 h2 h3 h4 h5 h6 hr li ol p pre s strong table tbody td th thead tr ul
"""
_TAGS = set(_TAG_NAMES.split())
_ATTRIBUTES = {"a": {"href", "title"}, "ol": {"start"}}
_SCHEMES = {"http", "https", "mailto"}


def render(text: str) -> SafeString:
    """Sanitised HTML of the text, or of its first 100,000 characters.

    HTML in the text is shown as text, images as their alternative text, and headings stand below those of the page.
    """
    cut = f"{text[:MAX_TEXT]}…" if len(text) > MAX_TEXT else text
    html = nh3.clean(
        _MARKDOWN.render(cut), tags=_TAGS, attributes=_ATTRIBUTES, url_schemes=_SCHEMES, link_rel="nofollow noopener"
    )
    return mark_safe(html)


def _image_text(renderer: RendererHTML, tokens: Sequence[Token], index: int, options: Any, env: Any) -> str:
    return escape(tokens[index].content)


def _heading(renderer: RendererHTML, tokens: Sequence[Token], index: int, options: Any, env: Any) -> str:
    level = min(int(tokens[index].tag[1]) + 2, 6)
    return f"</h{level}>\n" if tokens[index].nesting < 0 else f"<h{level}>"


_MARKDOWN = MarkdownIt("commonmark", {"html": False}).enable(["table", "strikethrough"])
_MARKDOWN.add_render_rule("image", _image_text)
_MARKDOWN.add_render_rule("heading_open", _heading)
_MARKDOWN.add_render_rule("heading_close", _heading)
