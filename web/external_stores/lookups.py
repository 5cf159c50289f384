"""What a page is about, found by the names in its URL among what the reader may see; 404 otherwise."""

from uuid import UUID

from django.http import HttpRequest
from django.shortcuts import get_object_or_404

from accounts.models import Role
from artifacts.models import ExternalStore
from web.accounts.lookups import get_team


def get_store(request: HttpRequest, team: str, store_id: UUID) -> ExternalStore:
    """A store of the team. 403 for members who are no admins."""
    row = get_team(request, team, role=Role.ADMIN)
    store = get_object_or_404(ExternalStore, team=row, pk=store_id)
    store.team = row
    return store
