"""The root of all errors that the server reports to its users.

    RegistryError
    ├── Invalid          400   the request is not valid
    ├── Denied           403   you can see it, but do not have permission to do this
    ├── Missing          404   it does not exist, or you have no access
    ├── Conflict         409   the request conflicts with the current state
    ├── TooLarge         413   larger than the server accepts in one request
    ├── TooMany          429   too many attempts; `retry_after` says how many seconds to wait
    └── Unavailable      503   a part of the system is unavailable; nothing was changed, try again

The kind has the HTTP status, the class name of the leaf is the code on the wire, `str(exc)` is the message for people,
and `extra` holds what programs need.
"""

from collections.abc import Collection, Iterator
from contextlib import contextmanager
from typing import Any

from django.apps import apps
from django.core.exceptions import ValidationError
from django.db import IntegrityError, models, transaction

# How long a client waits before it asks again, where a part of the system is away.
RETRY_AFTER_SECONDS = 5


class RegistryError(Exception):
    status = 500
    title = "Error"
    # Seconds after which it makes sense to ask again, for the header `Retry-After`; None where it makes none.
    retry_after: int | None = None

    def __init__(self, detail: str, **extra: Any) -> None:
        super().__init__(detail)
        self.extra = extra

    @property
    def code(self) -> str:
        return type(self).__name__


class Invalid(RegistryError):
    status = 400
    title = "Invalid request"


class Denied(RegistryError):
    status = 403
    title = "Not permitted"


class Missing(RegistryError):
    status = 404
    title = "Not found"


class Conflict(RegistryError):
    status = 409
    title = "Conflict"


class TooLarge(RegistryError):
    status = 413
    title = "Too large"


class TooMany(RegistryError):
    status = 429
    title = "Too many attempts"

    def __init__(self, detail: str, retry_after: int, **extra: Any) -> None:
        super().__init__(detail, **extra)
        self.retry_after = retry_after


class Unavailable(RegistryError):
    status = 503
    title = "Unavailable"
    retry_after = RETRY_AFTER_SECONDS


class AddressRefused(Invalid):
    """A URL that this server does not call or record: of another kind, unknown, or in a private network."""


class Busy(Unavailable):
    """The few places for work that takes long, or much memory, are taken."""


class DatabaseBusy(Unavailable):
    """Another change holds the lock, or the statement took too long."""


class DatabaseFull(Unavailable):
    """The disk of the database is full: reads go on."""


class DatabaseUnavailable(Unavailable):
    """The database does not respond."""


class PayloadTooLarge(TooLarge):
    """The body is over `MAX_BODY_BYTES`, or over what people may send who have not signed in."""


@contextmanager
def refuse(**by_constraint: RegistryError) -> Iterator[None]:
    """Raise the given refusal when the database refuses by the constraint of that name.

    The block runs in a savepoint, so that the caller's transaction goes on.
    """
    try:
        with transaction.atomic():
            yield
    except IntegrityError as error:
        for name, refusal in by_constraint.items():
            if _broke(error, name):
                raise refusal from error
        raise


def check(row: models.Model, columns: Collection[str] | None = None) -> None:
    """Raise `Invalid`, with sentences by field, unless the columns hold what their types and validators allow.

    Given `columns`, only these: a value that an earlier rule allowed must not keep others from being changed.
    """
    left_out = [
        field.name
        for field in row._meta.fields
        if field.is_relation or (columns is not None and field.name not in columns)
    ]
    try:
        row.clean_fields(exclude=left_out)
    except ValidationError as error:
        (name, messages), *_ = error.message_dict.items()
        raise Invalid(f"{name}: {messages[0]}", errors=error.message_dict) from error


def _broke(error: IntegrityError, name: str) -> bool:
    diagnosis = getattr(error.__cause__, "diag", None)
    if diagnosis is not None:
        return diagnosis.constraint_name == name
    # SQLite names CHECKs, but tells of UNIQUEs only their columns.
    message = str(error)
    return message.endswith((f": {name}", f"'{name}'")) or message.endswith(f": {_columns(name)}")


def _columns(name: str) -> str:
    for model in apps.get_models():
        for constraint in model._meta.constraints:
            if constraint.name == name and isinstance(constraint, models.UniqueConstraint):
                table = model._meta.db_table
                return ", ".join(f"{table}.{model._meta.get_field(field).column}" for field in constraint.fields)
    raise LookupError(f"No constraint is named {name!r}.")
