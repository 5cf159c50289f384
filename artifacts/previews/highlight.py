"""Splits code into tokens with Pygments. Runs in a sandboxed process."""

from collections.abc import Iterable
from functools import cache

from pygments.lexers import get_lexer_by_name, get_lexer_for_filename
from pygments.token import Comment, Generic, Keyword, Literal, Name, String, _TokenType
from pygments.util import ClassNotFound

# The few style classes for the hundred kinds of token; the first that matches.
_STYLES = (
    (Comment, "c"),
    (Keyword, "k"),
    (Name.Tag, "k"),
    (String, "s"),
    (Literal, "n"),
    (Name.Function, "f"),
    (Name.Class, "f"),
    (Name.Decorator, "f"),
    (Name.Attribute, "a"),
    (Name.Builtin, "a"),
    (Name.Constant, "a"),
    (Generic.Inserted, "i"),
    (Generic.Deleted, "d"),
    (Generic.Heading, "k"),
    (Generic.Subheading, "k"),
)


def highlight(text: str, name: str) -> list[list[tuple[str, str]]] | None:
    """Lines of (token class, text) by the language of the file name; None if it is unknown."""
    try:
        lexer = get_lexer_for_filename(name, stripnl=False, ensurenl=False)
    except ClassNotFound:
        return None
    return _lines(lexer.get_tokens(text))


def highlight_language(text: str, language: str) -> list[list[tuple[str, str]]] | None:
    """The same by the name of the language, such as `python`."""
    try:
        lexer = get_lexer_by_name(language, stripnl=False, ensurenl=False)
    except ClassNotFound:
        return None
    return _lines(lexer.get_tokens(text))


def _lines(tokens: Iterable[tuple[_TokenType, str]]) -> list[list[tuple[str, str]]]:
    """Tokens split at line ends; adjacent ones of the same style become one."""
    lines: list[list[tuple[str, str]]] = [[]]
    for token, text in tokens:
        style = _style(token)
        for number, part in enumerate(text.split("\n")):
            if number:
                lines.append([])
            if part and lines[-1] and lines[-1][-1][0] == style:
                lines[-1][-1] = (style, lines[-1][-1][1] + part)
            elif part:
                lines[-1].append((style, part))
    return lines


@cache
def _style(token: _TokenType) -> str:
    return next((style for kind, style in _STYLES if token in kind), "")
