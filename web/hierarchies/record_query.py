"""The filter box of records: `data.metrics.rmse:0.25 type:ml_prediction tag:baseline level:model`, ids, and words."""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from django.db import connection
from django.db.models import TextField
from django.db.models.functions import Cast

from core import errors
from hierarchies import data_filters, data_keys, ulids
from hierarchies.models.record import RecordQuerySet

MAX_LENGTH = 500
MAX_TERMS = 8
# A field, a colon, and a value, which is in quotes where it has spaces; so may the path of data be.
_TERM = re.compile(r'(?P<field>data\.(?:"[^"]*"|[^\s":])+|[A-Za-z_]+):(?P<value>"[^"]*"|[^\s"]+)(?=\s|$)')
_WORD = re.compile(r'"[^"]+"(?=\s|$)|[^\s"]+')
_SYNTAX = "Write data.key:value, type:…, tag:… or level:…, with quotes around a value that has spaces."
# Words are looked for in the data of so many records, the newest: no index has them.
MAX_SCANNED = 10_000


class InvalidQuery(ValueError):
    """The text is no query; the message says what is wrong with it."""


@dataclass
class RecordQuery:
    """What is asked for; `members` are texts by their paths in the data."""

    members: dict[str, str] = field(default_factory=dict)
    types: list[str] = field(default_factory=list)
    tags: list[str] = field(default_factory=list)
    levels: list[int] = field(default_factory=list)
    ids: list[str] = field(default_factory=list)
    words: list[str] = field(default_factory=list)

    def __bool__(self) -> bool:
        return any(vars(self).values())


def parse(text: str, level_labels: Mapping[str, str]) -> RecordQuery:
    """The query that the text is; raises `InvalidQuery`. A level is given by its number or its label."""
    if len(text) > MAX_LENGTH:
        raise InvalidQuery(f"A query has at most {MAX_LENGTH} characters.")
    query, position, count = RecordQuery(), 0, 0
    while rest := text[position:].lstrip():
        position = len(text) - len(rest)
        count += 1
        if count > MAX_TERMS:
            raise InvalidQuery(f"A query has at most {MAX_TERMS} terms.")
        if term := _TERM.match(text, position):
            _add(query, term["field"], term["value"].strip('"'), level_labels)
        else:
            term = _WORD.match(text, position)
            if term is None or (":" in term[0] and not term[0].startswith('"')):
                raise InvalidQuery(f"“{rest.split()[0]}” is not a filter. {_SYNTAX}")
            _add_word(query, term[0].strip('"'))
        position = term.end()
    return query


def narrow(records: RecordQuerySet, query: RecordQuery) -> RecordQuerySet:
    """Those of these records of one hierarchy that match."""
    records = data_filters.narrow(records, query.members)
    for type in query.types:
        records = records.filter(type=type)
    for tag in query.tags:
        records = records.with_tag(tag)
    for level in query.levels:
        records = records.filter(level=level)
    if query.ids:
        records = records.filter(pk__in=query.ids)
    if query.words:
        newest = records.order_by("-pk").values("pk")[:MAX_SCANNED]
        records = records.filter(pk__in=newest).annotate(data_text=Cast("data", TextField()))
        for word in query.words:
            records = records.filter(data_text__icontains=_as_stored(word))
    return records


def _add_word(query: RecordQuery, word: str) -> None:
    if re.fullmatch(ulids.PATTERN, word.upper()):
        query.ids.append(word.upper())
    else:
        query.words.append(word)


def _as_stored(word: str) -> str:
    """As a text in the data has it: SQLite keeps JSON as it was written, PostgreSQL writes it anew."""
    return json.dumps(word, ensure_ascii=connection.vendor == "sqlite")[1:-1]


def _add(query: RecordQuery, name: str, value: str, level_labels: Mapping[str, str]) -> None:
    if name.startswith("data."):
        path = name.removeprefix("data.").replace('"', "")
        try:
            data_keys.equals(data_keys.parse(path), value)
        except errors.Invalid as error:
            raise InvalidQuery(str(error)) from error
        query.members[path] = value
    elif name == "type":
        query.types.append(value)
    elif name == "tag":
        query.tags.append(value)
    elif name == "level":
        query.levels.append(_level(value, level_labels))
    else:
        raise InvalidQuery(f"Records have no “{name}” to filter by. {_SYNTAX}")


def _level(value: str, level_labels: Mapping[str, str]) -> int:
    for number, label in level_labels.items():
        if label.casefold() == value.casefold():
            return int(number)
    if not value.isascii() or not value.isdecimal() or len(value) > 2:
        raise InvalidQuery(f"“{value}” is no level: give its number, or its label.")
    return int(value)
