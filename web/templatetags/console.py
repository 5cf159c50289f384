"""Lines of a console as items of a list, made in one go. Loaded by `{% load console %}`."""

import re
from collections.abc import Sequence
from itertools import islice

from django import template
from django.utils.html import escape
from django.utils.safestring import SafeString, mark_safe

from core.validators import escape_directions
from tracking import terminal_text
from tracking.console import ConsoleLine

# Of a line that was found: one letter may be in it a thousand times.
MAX_MARKS = 20
register = template.Library()
_ERROR = '<span class="visually-hidden">stderr: </span>'


@register.filter
def console_lines(lines: Sequence[ConsoleLine]) -> SafeString:
    """Each line with its number, its time and the colours that the program gave it; what went to stderr is marked."""
    return mark_safe("".join(_item(line, "".join(map(_span, terminal_text.spans(line.text)))) for line in lines))


@register.simple_tag
def console_matches(lines: Sequence[ConsoleLine], text: str, url: str) -> SafeString:
    """The same of lines that were found, with the text marked, each with a link to where it is at `url`."""
    wanted = re.compile(re.escape(text), re.IGNORECASE)
    items = []
    for line in lines:
        # The page that has it, with some lines behind it.
        href = f"{url}?before={line.number + 100}#line-{line.number + 1}"
        link = f'<a href="{escape(href)}">in context<span class="visually-hidden">, line {line.number + 1}</span></a>'
        items.append(_item(line, f"{_marked(wanted, line.text)} {link}"))
    return mark_safe("".join(items))


def _item(line: ConsoleLine, markup: str) -> str:
    number = line.number + 1
    error = ' class="error"' if line.level == "error" else ""
    time = f'<time title="{escape(line.timestamp)} UTC">{escape(line.timestamp[11:19])}</time> ' * bool(line.timestamp)
    label = f'<span class="badge">{escape(escape_directions(line.label))}</span> ' * bool(line.label)
    return f'<li id="line-{number}" value="{number}"{error}>{time}{label}{_ERROR * bool(error)}{markup}</li>'


def _span(span: terminal_text.Span) -> str:
    text = escape(escape_directions(span.text))
    return f'<span class="{span.style}">{text}</span>' if span.style else text


def _marked(wanted: re.Pattern[str], text: str) -> str:
    parts = []
    position = 0
    for match in islice(wanted.finditer(text), MAX_MARKS):
        parts += [escape(escape_directions(text[position : match.start()])), "<mark>"]
        parts += [escape(escape_directions(match[0])), "</mark>"]
        position = match.end()
    return "".join([*parts, escape(escape_directions(text[position:]))])
