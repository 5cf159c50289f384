"""Markdown as HTML that can do no harm. Imports nothing of Django."""

from collections.abc import Sequence
from html import escape
from typing import Any

import nh3
from markdown_it import MarkdownIt
from markdown_it.renderer import RendererHTML
from markdown_it.token import Token

_TAG_NAMES = """
    a blockquote br code em h1 h2 h3 h4 h5 h6 hr li ol p pre s strong table tbody td th thead tr ul
"""
_TAGS = set(_TAG_NAMES.split())
_ATTRIBUTES = {"a": {"href", "title"}, "ol": {"start"}}
_SCHEMES = {"http", "https", "mailto"}


def render(text: str) -> str:
    """Sanitised HTML: HTML in the text is shown as text, images as their alternative text.

    Headings stand below those of the page. Takes time and memory that can grow with the square of the text.
    """
    return nh3.clean(
        _MARKDOWN.render(text), tags=_TAGS, attributes=_ATTRIBUTES, url_schemes=_SCHEMES, link_rel="nofollow noopener"
    )


def plain_text(text: str) -> str:
    """What the Markdown says, in one line without its marks. For excerpts: the cost can grow with the square."""
    parts: list[str] = []
    for token in _MARKDOWN.parse(text):
        if token.type in ("fence", "code_block"):
            parts.append(token.content)
        parts += [_text_of(child) for child in token.children or ()] + [" "]
    return " ".join("".join(parts).split())


def _text_of(token: Token) -> str:
    return " " if token.type in ("softbreak", "hardbreak") else token.content


def _image_text(renderer: RendererHTML, tokens: Sequence[Token], index: int, options: Any, env: Any) -> str:
    return escape(tokens[index].content)


def _heading(renderer: RendererHTML, tokens: Sequence[Token], index: int, options: Any, env: Any) -> str:
    level = min(int(tokens[index].tag[1]) + 2, 6)
    return f"</h{level}>\n" if tokens[index].nesting < 0 else f"<h{level}>"


_MARKDOWN = MarkdownIt("commonmark", {"html": False}).enable(["table", "strikethrough"])
_MARKDOWN.add_render_rule("image", _image_text)
_MARKDOWN.add_render_rule("heading_open", _heading)
_MARKDOWN.add_render_rule("heading_close", _heading)
