"""How workers build data indexes in the database, and drop those whose rows are gone.

An index is an expression index, for one hierarchy alone. To build one reads all records: on PostgreSQL others write
meanwhile, on SQLite they wait for it.
"""

import logging
from datetime import timedelta
from uuid import UUID

from django.db import DatabaseError, OperationalError, connection, transaction
from django.db.models import Q
from django.utils import timezone

from hierarchies import data_keys
from hierarchies.models import DataIndex, Record

_PREFIX = "record_data_"
# Longer than an index takes to be built: by then, whoever claimed it has ended without a word.
_CLAIM_LIFE = timedelta(hours=1)

_log = logging.getLogger(__name__)


def build(pk: str | UUID) -> None:
    """Build the index in the database, if it is to be built and nobody is at it. For workers, in no transaction."""
    index = _claim(pk)
    if index is None:
        return
    try:
        _create(index)
    except OperationalError as error:
        # The database was busy, or went away: the sweep tries again.
        _log.warning("The index on %s waits: %s", index.path, error)
        DataIndex.objects.filter(pk=index.pk).update(busy_until=None, error=_line(error))
    except DatabaseError as error:
        _log.exception("The index on %s cannot be built.", index.path)
        state = {"state": DataIndex.State.FAILED, "error": _line(error)}
        DataIndex.objects.filter(pk=index.pk).update(busy_until=None, **state)
    else:
        state = {"state": DataIndex.State.READY, "error": "", "built_at": timezone.now()}
        DataIndex.objects.filter(pk=index.pk).update(busy_until=None, **state)


def maintain() -> None:
    """Drop indexes whose rows are gone, and build those that were left behind or are missing. For workers."""
    existing = _existing()
    rows = {index_name(row): row for row in DataIndex.objects.all()}
    for name in existing:
        # A row that was written since they were listed is looked for once more.
        if name not in rows and not DataIndex.objects.filter(pk=_pk(name)).exists():
            _drop(name)
    # A migration may have made the table anew, or a backup of the rows alone was restored.
    lost = [row.pk for name, row in rows.items() if row.state == DataIndex.State.READY and not existing.get(name)]
    DataIndex.objects.filter(pk__in=lost, state=DataIndex.State.READY).update(state=DataIndex.State.PENDING)
    for pk in DataIndex.objects.unbuilt().order_by("id").values_list("pk", flat=True):
        build(pk)


def index_name(index: DataIndex) -> str:
    """In the database."""
    return f"{_PREFIX}{index.pk.hex}"


def _line(error: Exception) -> str:
    return (str(error).strip().splitlines() or [""])[0][:500]


def _pk(name: str) -> UUID:
    return UUID(name.removeprefix(_PREFIX))


@transaction.atomic
def _claim(pk: str | UUID) -> DataIndex | None:
    now = timezone.now()
    free = DataIndex.objects.unbuilt().filter(Q(busy_until=None) | Q(busy_until__lt=now), pk=pk)
    if not free.update(busy_until=now + _CLAIM_LIFE):
        return None
    return DataIndex.objects.filter(pk=pk).first()


def _create(index: DataIndex) -> None:
    """In the order of id behind the text, so that a page of the list is read from the index alone."""
    name, quote = index_name(index), connection.ops.quote_name
    table, vendor = quote(Record._meta.db_table), connection.vendor
    text = data_keys.index_sql(vendor, data_keys.parse(index.path))
    is_postgres = vendor == "postgresql"
    hierarchy = f"'{index.hierarchy_id}'::uuid" if is_postgres else f"'{index.hierarchy_id.hex}'"
    columns = f'("hierarchy_id", {text}, "id") WHERE "hierarchy_id" = {hierarchy}'
    if is_postgres and _existing().get(name) is False:
        # What a worker left behind that ended in the middle of it.
        _drop(name)
    concurrently = "CONCURRENTLY " if is_postgres else ""
    _execute(f"CREATE INDEX {concurrently}IF NOT EXISTS {quote(name)} ON {table} {columns}")
    if is_postgres:
        # Until then the planner guesses how many records have the same text.
        _execute(f"ANALYZE {table}")


def _drop(name: str) -> None:
    concurrently = "CONCURRENTLY " if connection.vendor == "postgresql" else ""
    _execute(f"DROP INDEX {concurrently}IF EXISTS {connection.ops.quote_name(name)}")


def _existing() -> dict[str, bool]:
    """The data indexes that the database has, and of each whether it can be used."""
    table = Record._meta.db_table
    if connection.vendor == "postgresql":
        sql = (
            "SELECT c.relname, i.indisvalid FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid "
            "WHERE i.indrelid = to_regclass(%s)"
        )
    else:
        sql = "SELECT name, 1 FROM sqlite_master WHERE type = 'index' AND tbl_name = %s"
    with connection.cursor() as cursor:
        cursor.execute(sql, [table])
        return {name: bool(is_valid) for name, is_valid in cursor.fetchall() if name.startswith(_PREFIX)}


def _execute(sql: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute(sql)
