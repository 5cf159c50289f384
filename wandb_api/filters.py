"""Filters and orders of lists, as the client has them: MongoDB's, read into conditions on columns.

A comparison with a value of another type is false, and its opposite true.
"""

import math
import re
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Any, ClassVar

from django.db.models import BooleanField, Case, Expression, F, Func, Q, TextField, Value, When
from django.db.models.expressions import Combinable, OrderBy
from django.db.models.functions import Coalesce, Left, StrIndex
from django.db.models.lookups import (
    Exact,
    GreaterThan,
    GreaterThanOrEqual,
    IsNull,
    LessThan,
    LessThanOrEqual,
    Regex,
)

from core import errors
from wandb_api.json_values import JsonListHas, JsonNumber, JsonText, JsonTruth, JsonType, Number

# What one filter may hold.
MAX_CONDITIONS = 200
MAX_DEPTH = 20
MAX_PATTERN_LENGTH = 256
MAX_ORDERS = 10
# Patterns look at so much of a text. SQLite's are Python's, which take time beyond measure for some: so none repeats a
# group, and few parts of one repeat.
_PATTERN_LOOKS_AT = 256
_MAX_REPEATS = 3
_REFUSED_PATTERN = re.compile(r"\)[*+{]|\(\?(?!i\))|(?<=.)\(\?i|\\[^\W_dDwWsSntAZ]|[*+?}][+]|\[[:.=]|\0")
_REPEAT = re.compile(r"(?<!\\)[*+]|\{\d*,\d*\}")
# PostgreSQL knows no more than 255 times.
_OFTEN = re.compile(r"\{\d*,?(?:\d{4,}|2(?:5[6-9]|[6-9]\d)|[3-9]\d\d)[,}]")

_COMPARISONS: dict[str, type[Any]] = {
    "$eq": Exact,
    "$gt": GreaterThan,
    "$gte": GreaterThanOrEqual,
    "$lt": LessThan,
    "$lte": LessThanOrEqual,
}
_OPERATORS = (
    *_COMPARISONS, "$ne", "$in", "$nin", "$exists", "$regex", "$contains", "$not", "$and", "$or", "$nor",
)  # fmt: skip


class TextColumn:
    """A column of text, empty where there is nothing."""

    def __init__(self, column: str) -> None:
        self.column = column

    def compare(self, operator: str, value: Any) -> list[Any]:
        """The conditions of which one must hold."""
        if value is None:
            return [Exact(F(self.column), Value(""))] if operator == "$eq" else []
        return [_COMPARISONS[operator](F(self.column), Value(value))] if isinstance(value, str) else []

    def exists(self) -> list[Any]:
        return [GreaterThan(F(self.column), Value(""))]

    def texts(self) -> list[Any]:
        """What patterns are looked for in."""
        return [F(self.column)]

    def contains(self, value: Any) -> list[Any]:
        if not isinstance(value, str):
            return []
        return [GreaterThan(StrIndex(text, Value(value)), Value(0)) for text in self.texts()]

    def order_by(self) -> list[Combinable]:
        return [F(self.column)]


class TimeColumn(TextColumn):
    def compare(self, operator: str, value: Any) -> list[Any]:
        if value is None:
            return [IsNull(F(self.column), True)] if operator == "$eq" else []
        return [_COMPARISONS[operator](F(self.column), Value(_time(value)))]

    def exists(self) -> list[Any]:
        return [IsNull(F(self.column), False)]

    def texts(self) -> list[Any]:
        return []


class NumberColumn(TextColumn):
    def compare(self, operator: str, value: Any) -> list[Any]:
        if value is None:
            return [IsNull(F(self.column), True)] if operator == "$eq" else []
        # As a decimal fraction: SQLite takes no larger integers.
        return [_COMPARISONS[operator](F(self.column), Value(float(value)))] if _is_number(value) else []

    def exists(self) -> list[Any]:
        return [IsNull(F(self.column), False)]

    def texts(self) -> list[Any]:
        return []


class ListColumn(TextColumn):
    """A list of texts: equal to a text is one that has it."""

    def compare(self, operator: str, value: Any) -> list[Any]:
        return [JsonListHas(self.column, value)] if isinstance(value, str) and operator == "$eq" else []

    def exists(self) -> list[Any]:
        return [~Q(**{self.column: []})]

    def texts(self) -> list[Any]:
        return [_AsText(F(self.column))]

    def contains(self, value: Any) -> list[Any]:
        return self.compare("$eq", value)

    def order_by(self) -> list[Combinable]:
        raise errors.Invalid(f"Lists cannot be ordered by {self.column}.")


class JsonColumn(TextColumn):
    """The values of a key: nested where there are dots, or of a key that has them."""

    def __init__(self, column: str, keys: Sequence[str]) -> None:
        super().__init__(column)
        # The client's config has a dict for each key, with the value in it.
        keys = [key for number, key in enumerate(keys) if column != "config" or number != 1 or key != "value"]
        forms = [keys, keys[:-1]] if column == "config" and keys[1:] and keys[-1] == "value" else [keys]
        self.paths = list(dict.fromkeys(path for form in forms for path in (tuple(form), (".".join(form),))))

    def compare(self, operator: str, value: Any) -> list[Any]:
        if value is None:
            types = [JsonType(self.column, path) for path in self.paths]
            is_null = [Exact(type_, Value("null")) for type_ in types]
            return [*is_null, Exact(Coalesce(*types, Value("")), Value(""))] if operator == "$eq" else []
        type_, right = self._typed(value)
        if type_ is None:
            return []
        return [_COMPARISONS[operator](type_(self.column, path), right) for path in self.paths]

    def exists(self) -> list[Any]:
        return [IsNull(JsonType(self.column, path), False) for path in self.paths]

    def texts(self) -> list[Any]:
        return [JsonText(self.column, path) for path in self.paths]

    def order_by(self) -> list[Combinable]:
        return [_first([kind(self.column, path) for path in self.paths]) for kind in (JsonNumber, JsonText, JsonTruth)]

    def _typed(self, value: Any) -> tuple[Any, Any]:
        if isinstance(value, bool):
            return JsonTruth, Value(value)
        if _is_number(value):
            return JsonNumber, Number(value)
        return (JsonText, Value(value)) if isinstance(value, str) else (None, None)


class RunColumns:
    """What filters and orders of runs may name."""

    JSON: ClassVar = {"config": "config", "summary_metrics": "summary", "summaryMetrics": "summary"}
    COLUMNS: ClassVar = {
        "name": TextColumn("name"),
        "display_name": TextColumn("display_name"),
        "displayName": TextColumn("display_name"),
        "state": TextColumn("state"),
        "group": TextColumn("group"),
        "job_type": TextColumn("job_type"),
        "jobType": TextColumn("job_type"),
        "username": TextColumn("created_by__username"),
        "user.username": TextColumn("created_by__username"),
        "sweep": TextColumn("sweep_name"),
        "notes": TextColumn("notes"),
        "host": TextColumn("host"),
        "commit": TextColumn("git_commit"),
        "tags": ListColumn("tags"),
        "exitcode": NumberColumn("exit_code"),
        "created_at": TimeColumn("started_at"),
        "createdAt": TimeColumn("started_at"),
        "heartbeat_at": TimeColumn("heartbeat_at"),
        "heartbeatAt": TimeColumn("heartbeat_at"),
        "updated_at": TimeColumn("heartbeat_at"),
        "updatedAt": TimeColumn("heartbeat_at"),
    }

    @classmethod
    def find(cls, path: str) -> TextColumn:
        """Raises `Invalid` for a path that runs do not have."""
        if path in cls.COLUMNS:
            return cls.COLUMNS[path]
        column, *keys = path.split(".")
        if column not in cls.JSON or not all(keys) or not keys or len(keys) > MAX_DEPTH or set('\0"') & set(path):
            known = ", ".join(sorted(cls.COLUMNS))
            raise errors.Invalid(f"Runs have no '{path}': use config.KEY, summary_metrics.KEY, {known}.")
        return JsonColumn(cls.JSON[column], keys)


Finder = Callable[[str], TextColumn]


def read(filters: Any, find: Finder = RunColumns.find) -> Q:
    """The condition of a filter; of nothing, one that always holds. Raises `Invalid`, which names what is unknown."""
    if filters is None:
        return Q()
    return _Reader(find).condition(filters, 1)


def order(text: str | None, find: Finder = RunColumns.find, default: str = "-created_at") -> list[Any]:
    """What rows are ordered by: `+path` or `-path`, several with commas between. What has no value comes last."""
    found: list[Any] = []
    direction = "-"
    parts = (text or default).split(",")
    if len(parts) > MAX_ORDERS:
        raise errors.Invalid(f"A list is ordered by at most {MAX_ORDERS} columns.")
    for part in parts:
        part = part.strip()
        direction = "-" if part.startswith("-") else "+"
        path = part.lstrip("+-")
        if path in ("created_at", "createdAt"):
            break
        for expression in find(path).order_by():
            found.append(OrderBy(expression, descending=direction == "-", nulls_last=True))
    # Ids grow with time, and make the order total.
    return [*found, "-pk" if direction == "-" else "pk"]


class _Reader:
    """Reads one filter, and counts what it holds."""

    def __init__(self, find: Finder) -> None:
        self._find = find
        self._count = 0

    def condition(self, filters: Any, depth: int) -> Q:
        if not isinstance(filters, dict):
            raise errors.Invalid('A filter is an object, such as {"state": "finished"}.')
        if depth > MAX_DEPTH:
            raise errors.Invalid(f"A filter is nested over {MAX_DEPTH} levels deep.")
        found = Q()
        for key, value in filters.items():
            self._count += 1
            if self._count > MAX_CONDITIONS:
                raise errors.Invalid(f"A filter has at most {MAX_CONDITIONS} conditions.")
            found &= self._one(key, value, depth)
        return found

    def _one(self, key: str, value: Any, depth: int) -> Q:
        if key in ("$and", "$or", "$nor"):
            if not isinstance(value, list):
                raise errors.Invalid(f"{key} takes a list of filters.")
            conditions = [self.condition(one, depth + 1) for one in value]
            found = _all(conditions) if key == "$and" else _any(conditions)
            return _not(found) if key == "$nor" else found
        if key == "$not":
            return _not(self.condition(value, depth + 1))
        if key.startswith("$"):
            raise _unknown(key)
        return self._on(self._find(key), value, depth + 1)

    def _on(self, column: TextColumn, value: Any, depth: int) -> Q:
        """What is said of one column: a bare value is one that it equals."""
        if not isinstance(value, dict):
            return self._compare(column, "$eq", value)
        if depth > MAX_DEPTH:
            raise errors.Invalid(f"A filter is nested over {MAX_DEPTH} levels deep.")
        found = Q()
        for operator, operand in value.items():
            self._count += 1
            if operator == "$not":
                found &= _not(self._on(column, operand, depth + 1))
            else:
                found &= self._compare(column, operator, operand)
        return found

    def _compare(self, column: TextColumn, operator: str, value: Any) -> Q:
        if operator not in _OPERATORS:
            raise _unknown(operator)
        if operator in ("$in", "$nin"):
            if not isinstance(value, list):
                raise errors.Invalid(f"{operator} takes a list.")
            self._count += len(value)
            if self._count > MAX_CONDITIONS:
                raise errors.Invalid(f"A filter has at most {MAX_CONDITIONS} conditions.")
            found = _either([condition for one in value for condition in column.compare("$eq", _plain(one))])
            return ~found if operator == "$nin" else found
        if operator == "$ne":
            return ~_either(column.compare("$eq", _plain(value)))
        if operator == "$exists":
            found = _either(column.exists())
            return found if value else ~found
        if operator == "$regex":
            pattern = Value(_pattern(value))
            return _either([Regex(Left(text, _PATTERN_LOOKS_AT), pattern) for text in column.texts()])
        if operator == "$contains":
            return _either(column.contains(_plain(value)))
        if operator not in _COMPARISONS:
            raise errors.Invalid(f"{operator} does not stand under a path.")
        return _either(column.compare(operator, _plain(value)))


class _AsText(Func):
    """A JSON column as text."""

    output_field = TextField()
    template = "(%(expressions)s)::text"

    def as_sqlite(self, compiler: Any, connection: Any, **extra: Any) -> Any:
        return self.as_sql(compiler, connection, template="CAST(%(expressions)s AS TEXT)", **extra)


def _either(conditions: Sequence[Any]) -> Q:
    """One that is true or false, never NULL, so that its opposite is the opposite."""
    whens = [When(condition, then=Value(True)) for condition in conditions]
    return Q(Case(*whens, default=Value(False), output_field=BooleanField())) if whens else _any([])


def _not(condition: Q) -> Q:
    """The opposite. Django takes an empty condition and its opposite for the same."""
    return ~condition if condition else Q(pk__in=[])


def _all(conditions: Sequence[Q]) -> Q:
    found = Q()
    for condition in conditions:
        found &= condition
    return found


def _any(conditions: Sequence[Q]) -> Q:
    found = Q(pk__in=[])
    for condition in conditions:
        # An empty condition holds for all, where Django takes it for none.
        found |= condition or ~Q(pk__in=[])
    return found


def _first(expressions: Sequence[Expression]) -> Expression:
    return expressions[0] if len(expressions) == 1 else Coalesce(*expressions)


def _plain(value: Any) -> Any:
    """A value to compare with. Raises `Invalid` for what is compared with nothing."""
    if isinstance(value, str) and ("\0" in value or len(value) > 10_000):
        raise errors.Invalid("A text in a filter has at most 10,000 characters, and no NUL.")
    return value


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and _is_finite(value)


def _is_finite(value: int | float) -> bool:
    try:
        return math.isfinite(value)
    except OverflowError:
        return False


def _time(value: Any) -> datetime:
    try:
        found = datetime.fromisoformat(value)
        return found.astimezone(UTC) if found.tzinfo else found.replace(tzinfo=UTC)
    except (TypeError, ValueError, OverflowError) as error:
        raise errors.Invalid(f"{value!r} is not a time such as 2026-05-03T12:00:00Z.") from error


def _pattern(value: Any) -> str:
    try:
        re.compile(value)
    except (TypeError, re.error, RecursionError, OverflowError) as error:
        raise errors.Invalid(f"$regex takes a regular expression: {error}") from error
    is_long = len(value) > MAX_PATTERN_LENGTH or len(_REPEAT.findall(value)) > _MAX_REPEATS
    if is_long or _REFUSED_PATTERN.search(value) or _OFTEN.search(value):
        raise errors.Invalid(
            f"$regex takes patterns of at most {MAX_PATTERN_LENGTH} characters, without repeated groups or references, "
            f"in which at most {_MAX_REPEATS} parts repeat."
        )
    return str(value)


def _unknown(operator: str) -> errors.Invalid:
    return errors.Invalid(f"There is no operator {operator}: use {', '.join(_OPERATORS)}.")
