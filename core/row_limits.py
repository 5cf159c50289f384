"""How many rows of a kind somebody or something may have, also where many are added at the same moment."""

from typing import Any

from django.db.models import Model, QuerySet

from core.errors import Missing, RegistryError


def require_room(owner: Model, rows: QuerySet[Any], limit: int, refusal: RegistryError) -> None:
    """Raise the refusal where the owner has so many of these rows that there is no room for one more.

    Its row is locked until the end of the transaction, in which the caller adds that one. Raises `Missing` where the
    owner was deleted. Two queries.
    """
    owners = owner._meta.model._base_manager.select_for_update(no_key=True).filter(pk=owner.pk)
    if owners.values_list("pk").first() is None:
        raise Missing(f"{owner._meta.verbose_name} '{owner}' was deleted.".capitalize())
    if rows.order_by().values("pk")[:limit].count() >= limit:
        raise refusal
