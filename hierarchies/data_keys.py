"""Members of the data of records as texts to compare with: `?data.metrics.name=x`, and the indexes that serve it.

The text of a member is a string itself, up to `MAX_TEXT` characters; of a number, true, false and null what JSON
writes. Objects and lists have none. An index is used only where the query has the same expression, letter by letter:
paths of plain keys are part of the SQL, and all others are sent beside it as values.
"""

import json
import re
from collections.abc import Sequence
from decimal import Decimal
from typing import Any

from django.db.models import Expression, F, TextField
from django.db.models.lookups import Exact

from core import errors

MAX_KEYS = 8
MAX_KEY_LENGTH = 64
# Characters of a member's text that count: an index of PostgreSQL has no room for entries over some 2,700 bytes.
MAX_TEXT = 256
# Nothing in it has a meaning in SQL, in a path of SQLite or in an array of PostgreSQL; and no number of an element of a
# list is such a key.
_PLAIN_KEY = re.compile(r"[A-Za-z_][A-Za-z0-9_-]*\Z")
_NUMBER = re.compile(r"-?(0|[1-9][0-9]*)(\.[0-9]+)?([eE][+-]?[0-9]{1,3})?\Z")


def parse(path: str) -> tuple[str, ...]:
    """The keys of a path such as `metrics.name`, from the outside in. Raises `Invalid`."""
    keys = tuple(path.split("."))
    if len(keys) > MAX_KEYS:
        raise errors.Invalid(f"A path of data has at most {MAX_KEYS} keys: {path[:100]!r} has {len(keys)}.")
    for key in keys:
        if not key or len(key) > MAX_KEY_LENGTH or '"' in key or "\\" in key or not key.isprintable():
            raise errors.Invalid(
                f"{path[:100]!r} is no path of data: use keys of 1 to {MAX_KEY_LENGTH} characters with dots between, "
                "such as metrics.name."
            )
    return keys


def is_plain(keys: Sequence[str]) -> bool:
    """Whether there can be an index on the path: its keys are letters, digits, `_` and `-`, and begin with no digit."""
    return all(_PLAIN_KEY.match(key) for key in keys)


def equals(keys: Sequence[str], text: str) -> Exact:
    """A condition for `filter`: the member at this path has this text. Raises `Invalid` for a text that is too long."""
    if len(text) >= MAX_TEXT:
        raise errors.Invalid(f"Data is compared with texts of at most {MAX_TEXT - 1} characters.")
    if "\0" in text:
        raise errors.Invalid("No data has the character U+0000.")
    return Exact(DataText(keys), _Text(text))


class DataText(Expression):
    """The text of the member at these keys of `data`."""

    output_field = TextField()

    def __init__(self, keys: Sequence[str]) -> None:
        super().__init__()
        self.keys = tuple(keys)
        self.column: Any = F("data")

    @property
    def identity(self) -> Any:
        return (type(self), self.keys, self.column)

    def get_source_expressions(self) -> list[Any]:
        return [self.column]

    def set_source_expressions(self, expressions: Sequence[Any]) -> None:
        [self.column] = expressions

    def as_sql(self, compiler: Any, connection: Any) -> tuple[str, list[Any]]:
        column, values = compiler.compile(self.column)
        path = [] if is_plain(self.keys) else [list(self.keys)]
        return _postgres_sql(column, "%s::text[]" if path else _array(self.keys)), [*values, *path] * 4

    def as_sqlite(self, compiler: Any, connection: Any) -> tuple[str, list[Any]]:
        column, values = compiler.compile(self.column)
        path = [] if is_plain(self.keys) else [_path(self.keys)]
        one, two = [*values, *path], [*values, *path, *path]
        return _sqlite_sql(column, "%s" if path else f"'{_path(self.keys)}'"), [*one, *one, *two * 4]


def index_sql(vendor: str, keys: Sequence[str]) -> str:
    """What `DataText` of plain keys is in SQL, for CREATE INDEX on either database."""
    if not is_plain(keys):
        raise ValueError(f"An index has plain keys only, not {keys!r}.")
    return (
        _postgres_sql('"data"', _array(keys)) if vendor == "postgresql" else _sqlite_sql('"data"', f"'{_path(keys)}'")
    )


def _postgres_sql(column: str, array: str) -> str:
    return (
        f"(CASE jsonb_typeof({column} #> {array}) "
        f"WHEN 'string' THEN left({column} #>> {array}, {MAX_TEXT}) "
        f"WHEN 'number' THEN left({column} #>> {array}, {MAX_TEXT}) "
        f"WHEN 'boolean' THEN {column} #>> {array} WHEN 'null' THEN 'null' END)"
    )


def _sqlite_sql(column: str, path: str) -> str:
    type, string = f"json_type({column}, {path})", f"json_extract({column}, {path})"
    # By itself a number would be rounded to 15 digits: of two, the text is that of a list, as it was written.
    pair = f"json_extract({column}, {path}, {path})"
    number = f"substr({pair}, 2, min((length({pair}) - 3) / 2, {MAX_TEXT}))"
    return (
        f"(CASE {type} WHEN 'text' THEN substr({string}, 1, {MAX_TEXT}) "
        f"WHEN 'integer' THEN {number} WHEN 'real' THEN {number} "
        "WHEN 'true' THEN 'true' WHEN 'false' THEN 'false' WHEN 'null' THEN 'null' END)"
    )


def _array(keys: Sequence[str]) -> str:
    """Of plain keys, as PostgreSQL writes an array."""
    return f"'{{{','.join(keys)}}}'"


def _path(keys: Sequence[str]) -> str:
    """As SQLite writes it, with keys as they are in JSON."""
    return "$" + "".join(f".{json.dumps(key)}" for key in keys)


class _Text(Expression):
    """A text that is asked for, written as the database has a number of this value."""

    output_field = TextField()

    def __init__(self, text: str) -> None:
        super().__init__()
        self.text = text

    @property
    def identity(self) -> Any:
        return (type(self), self.text)

    def as_sql(self, compiler: Any, connection: Any) -> tuple[str, list[Any]]:
        """PostgreSQL keeps numbers as decimals, without exponents."""
        has_exponent = _NUMBER.match(self.text) and "e" in self.text.lower()
        return "%s", [f"{Decimal(self.text):f}" if has_exponent else self.text]

    def as_sqlite(self, compiler: Any, connection: Any) -> tuple[str, list[Any]]:
        """SQLite keeps the text of JSON, in which Python wrote very large and very small numbers with exponents."""
        is_number = _NUMBER.match(self.text) and any(character in self.text for character in ".eE")
        written = repr(float(self.text)) if is_number else self.text
        return "%s", [written if "e" in written or "e" in self.text.lower() else self.text]
