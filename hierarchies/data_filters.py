"""Which records have these members in their data: `?data.experiment_name=x`."""

from collections.abc import Mapping

from hierarchies import data_keys, errors
from hierarchies.models.record import RecordQuerySet

MAX_FILTERS = 16


def narrow(rows: RecordQuerySet, members: Mapping[str, str]) -> RecordQuerySet:
    """The rows whose data has these texts at these paths, such as `metrics.name`. Raises `Invalid`.

    Of data that is not in the row, the small members are found.
    """
    if len(members) > MAX_FILTERS:
        raise errors.Invalid(f"Filter by at most {MAX_FILTERS} members of data.")
    for path, text in members.items():
        rows = rows.filter(data_keys.equals(data_keys.parse(path), text))
    return rows
