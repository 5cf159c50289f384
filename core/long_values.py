"""Long values, such as metadata of up to 1 MiB. A page of a list carries as many of them as fit, and loads no more.

A model names its own as `LONG_VALUES`, and as `UNLISTED_VALUES` those that no list shows.
"""

from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any, TypeVar

from django.db.models import Case, F, Func, IntegerField, Model, QuerySet, When
from django.db.models.lookups import LessThanOrEqual

from core.person_slots import PersonSlots

MAX_PAGE_BYTES = 4 * 2**20
# A page takes several times as much memory until it is written, so in each process a few requests at once have so much,
# fewer of one person, and further ones have less.
MAX_FULL_PAGES = 8
MAX_FULL_PAGES_A_PERSON = 2
CROWDED_PAGE_BYTES = MAX_PAGE_BYTES // 8
# What lists show of a description, in characters; templates cut it further.
EXCERPT_LENGTH = 200
Row = TypeVar("Row", bound=Model)
# Of a row by its id, and a column.
Cell = tuple[Any, str]


@dataclass
class _Request:
    # Whose it is, once that is known.
    person: Callable[[], str]
    # The person who has a slot by it.
    holder: str | None = None


_slots = PersonSlots(MAX_FULL_PAGES_A_PERSON, MAX_FULL_PAGES)
_request: ContextVar[_Request | None] = ContextVar("request", default=None)


class ByteLength(Func):
    """How many bytes a column takes as text."""

    output_field = IntegerField()
    template = "OCTET_LENGTH((%(expressions)s)::text)"

    def as_sqlite(self, compiler: Any, connection: Any, **extra: Any) -> Any:
        return self.as_sql(compiler, connection, template="LENGTH(CAST(%(expressions)s AS BLOB))", **extra)


def defer(rows: QuerySet[Row], *relations: str) -> QuerySet[Row]:
    """The rows without the long values of what these relations lead to; `""` stands for their own.

    Each that is asked for later on costs a query.
    """
    names: list[str] = []
    for relation in relations:
        path = relation.split("__") if relation else []
        model: Any = rows.model
        for step in path:
            model = model._meta.get_field(step).related_model
        for columns in ("LONG_VALUES", "UNLISTED_VALUES"):
            names += ["__".join([*path, name]) for name in getattr(model, columns, ())]
    return rows.defer(*names)


@contextmanager
def one_request(person: Callable[[], str]) -> Iterator[None]:
    """Within it a request is answered, up to the bytes of its response. `person` says whose it is."""
    request = _Request(person)
    token = _request.set(request)
    try:
        yield
    finally:
        _request.reset(token)
        if request.holder is not None:
            _slots.release(request.holder)


def page_budget() -> int:
    """How many bytes of long values a page of this request may carry. Outside of requests nobody else is there."""
    request = _request.get()
    if request is None or request.holder is not None:
        return MAX_PAGE_BYTES
    person = request.person()
    if not _slots.take(person):
        return CROWDED_PAGE_BYTES
    request.holder = person
    return MAX_PAGE_BYTES


def load(rows: Sequence[Row]) -> None:
    """Load the long values of the rows of a page, the shortest first, up to `MAX_PAGE_BYTES` together.

    Where `MAX_FULL_PAGES` requests have such pages at the same moment, or `MAX_FULL_PAGES_A_PERSON` of the same
    person, up to `CROWDED_PAGE_BYTES`.
    Those that do not fit are None, and named in `omitted` of their row, which others do not have. One query, and
    one more for each column with values that are longer than an equal share.
    """
    names = getattr(rows[0], "LONG_VALUES", ()) if rows else ()
    if not names:
        return
    budget = page_budget()
    lengths, values = _read_short(rows, names, budget // (len(rows) * len(names)))
    longer = sorted(lengths.keys() - values.keys(), key=lambda cell: (lengths[cell], cell))
    left = budget - sum(lengths[cell] for cell in values)
    fitting: dict[str, list[Any]] = {}
    for pk, name in longer:
        left -= lengths[pk, name]
        if left >= 0:
            fitting.setdefault(name, []).append(pk)
    for name, pks in fitting.items():
        values |= {(pk, name): value for pk, value in _by_id(rows, pks).values_list("pk", name)}
    for row in rows:
        omitted = [name for name in names if (row.pk, name) not in values]
        if omitted:
            row.omitted = omitted
        for name in names:
            setattr(row, name, values.get((row.pk, name)))


def each_loaded(rows: Sequence[Row], names: Collection[str]) -> Iterator[Row]:
    """Each of the rows with these long values, in their order, however long they are; a few MiB are there at once.

    For what is sent piece by piece. One query, and one for each `CROWDED_PAGE_BYTES` of values.
    """
    if not rows or not names:
        yield from rows
        return
    columns = [ByteLength(F(name)) for name in names]
    sizes = {pk: sum(lengths) for pk, *lengths in _by_id(rows, [row.pk for row in rows]).values_list("pk", *columns)}
    batch: list[Row] = []
    size = 0
    for row in rows:
        own = sizes.get(row.pk, 0)
        if batch and size + own > CROWDED_PAGE_BYTES:
            yield from _loaded(batch, names)
            batch, size = [], 0
        batch.append(row)
        size += own
    yield from _loaded(batch, names)


def _loaded(rows: Sequence[Row], names: Collection[str]) -> Sequence[Row]:
    values = {pk: own for pk, *own in _by_id(rows, [row.pk for row in rows]).values_list("pk", *names)}
    for row in rows:
        for name, value in zip(names, values.get(row.pk, [None] * len(names)), strict=True):
            setattr(row, name, value)
    return rows


def _read_short(rows: Sequence[Row], names: Sequence[str], share: int) -> tuple[dict[Cell, int], dict[Cell, Any]]:
    """The lengths of all, in bytes, and the values of those that are no longer than the share."""
    lengths: dict[Cell, int] = {}
    values: dict[Cell, Any] = {}
    columns: list[Any] = []
    for name in names:
        length = ByteLength(F(name))
        columns += [length, Case(When(LessThanOrEqual(length, share), then=F(name)))]
    for pk, *found in _by_id(rows, [row.pk for row in rows]).values_list("pk", *columns):
        for name, length, value in zip(names, found[::2], found[1::2], strict=True):
            lengths[pk, name] = length
            if length <= share:
                values[pk, name] = value
    return lengths, values


def _by_id(rows: Sequence[Row], pks: list[Any]) -> QuerySet[Row]:
    """By their ids alone: no length is computed of another row, however the list is found and sorted."""
    return type(rows[0])._base_manager.filter(pk__in=pks).order_by()
