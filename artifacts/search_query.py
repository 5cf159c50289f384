"""The language of the search field, of lists' filter boxes and of `?q=`.

    mnist                       a part of a name, description, tag, note, reason, or of a key or text of the metadata
    "learning rate"             the same, with spaces
    metadata.mAP>0.7            a value of the metadata; config. and summary. are those of runs
    metadata.framework:torch    the same as a text, without regard to case; `*` stands for any characters
    config."learning rate"<0.1  a key with spaces
    file:*.safetensors          a file, by its path or the end of its path
    by:alice  tag:raw  type:model  alias:production  state:running  reason:rollback
    ranker:production           a version, by its artifact and an alias or `v3`

All terms have to match. Nothing here asks the database.
"""

import math
import re
import unicodedata
from typing import NamedTuple

from core import errors

MAX_LENGTH = 500
MAX_TERMS = 8
MAX_WILDCARDS = 3
JSON_FIELDS = ("metadata", "config", "summary")
FIELDS = ("file", "by", "tag", "type", "alias", "state", "reason")
# The index on texts holds triples of characters.
SHORTEST_INDEXED = 3

_TERM = re.compile(r'(?:[^\s"]|"[^"]*"?)+')
_COMPARISON = re.compile(r"(?P<field>[A-Za-z]+)(?P<key>(?:\.[^<>=:]*)?)(?P<operator>>=|<=|[<>=:])(?P<value>.*)", re.S)


class InvalidQuery(errors.Invalid):
    """The text is no query: the message says which part, and what to write instead."""


class Term(NamedTuple):
    """One condition. `field` is "text", "version", one of `FIELDS`, or one of `JSON_FIELDS` with a key."""

    field: str
    value: str
    operator: str = ":"
    # `metadata.optimizer.lr`, folded.
    key: str = ""
    # What the value is as a number, if it is one.
    number: float | None = None


def parse(text: str) -> list[Term]:
    """The terms of a query; an empty one has none. Raises `InvalidQuery`."""
    if len(text) > MAX_LENGTH:
        raise InvalidQuery(f"A search has at most {MAX_LENGTH} characters; this one has {len(text):,}.")
    if any(unicodedata.category(character) == "Cc" and not character.isspace() for character in text):
        raise InvalidQuery("A search has no control characters. Remove them.")
    found = _TERM.findall(text)
    if len(found) > MAX_TERMS:
        raise InvalidQuery(
            f"A search has at most {MAX_TERMS} terms; this one has {len(found)}. Quote what is one text."
        )
    terms = [_term(part) for part in found]
    return [term for term in terms if term is not None]


def literal(text: str) -> list[Term]:
    """The text as it stands, spaces and colons included."""
    return [Term("text", text)] if text.strip() else []


def fold(text: str) -> str:
    """As texts are compared: without regard to case, and to how accents are written."""
    return unicodedata.normalize("NFC", unicodedata.normalize("NFC", text).casefold())


def as_number(text: str) -> float | None:
    """The finite number that the text is, or None."""
    try:
        number = float(text)
    except ValueError:
        return None
    return number if math.isfinite(number) and "_" not in text else None


def _term(part: str) -> Term | None:
    if part.startswith('"'):
        return _text(_unquoted(part))
    match = _COMPARISON.fullmatch(part)
    field = match["field"].casefold() if match else ""
    if match and field in JSON_FIELDS:
        return _comparison(part, field, match["key"], match["operator"], _unquoted(match["value"]))
    if match and field in FIELDS and not match["key"]:
        return _field(field, match["operator"], _unquoted(match["value"]))
    comparison = re.fullmatch(r"([^<>=:\s]+)(>=|<=|[<>=])(.+)", part)
    if comparison and as_number(comparison[3]) is not None:
        name, rest = comparison[1], part[len(comparison[1]) :]
        raise InvalidQuery(
            f"{name!r} is no field. Write metadata.{name}{rest} for a value of the metadata, config.{name}{rest} or "
            f"summary.{name}{rest} for one of runs."
        )
    text = _unquoted(part)
    return Term("version", text) if ":" in text and "://" not in text else _text(text)


def _text(text: str) -> Term | None:
    return Term("text", text) if text.strip() else None


def _field(field: str, operator: str, value: str) -> Term:
    if operator not in (":", "="):
        raise InvalidQuery(f"{field} can only be compared with a colon, as in {field}:{value or 'x'}.")
    if not value:
        raise InvalidQuery(f"Say what comes after {field}: as in {_EXAMPLES[field]}.")
    if field == "file":
        _check_wildcards(value)
        if "*" in value.strip("*"):
            raise InvalidQuery(
                "In file: the * stands at the beginning or at the end, as in file:*.csv or file:train/*."
            )
        if not value.strip("*"):
            raise InvalidQuery("Say a part of the file's name, as in file:*.csv.")
        # Where no * stands, the end of the path does, or what is before it.
        if len(value.strip("*")) < SHORTEST_INDEXED - (value[0] != "*") - (value[-1] != "*"):
            raise InvalidQuery(
                f"Say more of the file's name than {value.strip('*')!r}, as in file:*.csv or file:train*."
            )
    return Term(field, value)


def _comparison(part: str, field: str, key: str, operator: str, value: str) -> Term:
    path = key.removeprefix(".").replace('"', "")
    if not path:
        raise InvalidQuery(f"Say which value of the {field} is meant, as in {field}.lr{operator}{value or '0.1'}.")
    number = as_number(value)
    if operator in (">", "<", ">=", "<=") and number is None:
        raise InvalidQuery(f"{part!r} compares with {value!r}, which is not a finite number.")
    if not value:
        raise InvalidQuery(f"Say what comes after {field}.{path}{operator} – a number or a text, or * for any value.")
    if operator in (":", "="):
        _check_wildcards(value)
    return Term(field, value, operator, fold(f"{field}.{path}"), number)


def _check_wildcards(value: str) -> None:
    if value.count("*") > MAX_WILDCARDS:
        raise InvalidQuery(f"A term has at most {MAX_WILDCARDS} *; {value[:50]!r} has {value.count('*')}.")


def _unquoted(text: str) -> str:
    return text.replace('"', "") if text.startswith('"') or text.endswith('"') else text


_EXAMPLES = {
    "file": "file:*.safetensors",
    "by": "by:alice",
    "tag": "tag:raw",
    "type": "type:model",
    "alias": "alias:production",
    "state": "state:running",
    "reason": "reason:rollback",
}
