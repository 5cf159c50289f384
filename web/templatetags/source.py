"""Template tags for previews: lines of code as markup. Loaded by `{% load source %}`."""

from collections.abc import Sequence

from django import template
from django.utils.html import escape
from django.utils.safestring import SafeString, mark_safe

register = template.Library()


@register.filter
def source(lines: Sequence[Sequence[tuple[str, str]]]) -> SafeString:
    """Lines of (token class, text), a span each, for a <pre>. In one go: a template would take a second for a file."""
    markup = (
        "".join(f'<span class="{style}">{escape(text)}</span>' if style else escape(text) for style, text in line)
        for line in lines
    )
    return mark_safe("".join(f'<span class="line">{line}\n</span>' for line in markup))


@register.filter
def plain_source(lines: Sequence[str]) -> SafeString:
    """The same for lines of plain text."""
    return source([[("", line)] for line in lines])


@register.filter
def sanitised(html: str) -> SafeString:
    """HTML that the sandboxed process has sanitised already, as the Markdown and the tables of a notebook are."""
    return mark_safe(html)
