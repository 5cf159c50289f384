"""The verbs of data indexes. The row says that there is to be an index; workers build it, and drop what has no row."""

from django.conf import settings
from django.db import transaction

from accounts import permissions
from accounts.actor import Actor
from accounts.models import Role
from core import row_limits
from hierarchies import data_keys, errors, tasks
from hierarchies.models import DataIndex, Hierarchy


@transaction.atomic
def create(actor: Actor, hierarchy: Hierarchy, path: str) -> DataIndex:
    """Have an index built on the member of data at this path, such as `metrics.name`. For admins of the team.

    Raises `Invalid` for a path that cannot have one, `IndexTaken`, `TooManyIndexes`.
    """
    permissions.require(actor, hierarchy.project.team, Role.ADMIN)
    if not data_keys.is_plain(data_keys.parse(path)):
        raise errors.Invalid(
            "An index is on keys of letters, digits, _ and - that begin with a letter or _, with dots between, such as "
            "experiment_name or metrics.accuracy."
        )
    limit = settings.DATA_INDEXES_A_HIERARCHY
    refusal = errors.TooManyIndexes(f"A hierarchy has at most {limit} indexes: delete one that nobody needs.")
    row_limits.require_room(hierarchy, hierarchy.data_indexes.all(), limit, refusal)
    row = DataIndex(hierarchy=hierarchy, path=path, created_by=actor.user)
    with errors.refuse(data_index_unique=errors.IndexTaken(f"There is an index on '{path}' already.")):
        row.save(force_insert=True)
    tasks.build_data_index.delay_on_commit(str(row.pk))
    return row


@transaction.atomic
def delete(actor: Actor, index: DataIndex) -> None:
    """Filters on it go on to work, without the index. For admins of the team."""
    permissions.require(actor, index.hierarchy.project.team, Role.ADMIN)
    index.delete()
    tasks.maintain_data_indexes.delay_on_commit()


@transaction.atomic
def retry(actor: Actor, index: DataIndex) -> DataIndex:
    """Have one that failed built again. For admins of the team."""
    permissions.require(actor, index.hierarchy.project.team, Role.ADMIN)
    failed = DataIndex.objects.filter(pk=index.pk, state=DataIndex.State.FAILED)
    if failed.update(state=DataIndex.State.PENDING, error="", busy_until=None):
        tasks.build_data_index.delay_on_commit(str(index.pk))
    index.refresh_from_db(fields=["state", "error"])
    return index
