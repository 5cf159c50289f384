"""Where the link of a notification leads: to what it is about, wherever that is now."""

from collections.abc import Iterable
from typing import Any
from uuid import UUID

from django.urls import reverse

from artifacts import event_messages
from artifacts.models import AliasProposal, Artifact, ArtifactVersion
from events.models import Event
from notifications import proposal_notices


def current_url(event: Event, user: Any) -> str:
    """As `current_urls`, of one event."""
    return current_urls([event], user)[event.pk]


def current_urls(events: Iterable[Event], user: Any) -> dict[UUID, str]:
    """The path of the page that shows each now: the artifact may have been renamed since, or something deleted.

    What is gone, or what the user may not see, leads to what held it. At most three queries for all of them.
    """
    events = list(events)
    ids = {event.artifact_id for event in events if event.artifact_id}
    visible = Artifact.objects.visible_to(user).select_related("project__team")
    artifacts = {artifact.pk: artifact for artifact in visible.filter(pk__in=ids)} if ids else {}
    versions = {event.data["to"]["id"] for event in events if event.artifact_id and event.data.get("to")}
    finalized = ArtifactVersion.objects.finalized().filter(pk__in=versions).values_list("pk", flat=True)
    proposals = {proposal_notices.id_of(event) for event in events if event.kind == event_messages.ALIAS_PROPOSED.name}
    open_ids = AliasProposal.objects.open().filter(pk__in=proposals).values_list("pk", flat=True)
    exists = {str(pk) for pk in finalized} if versions else set()
    exists |= {str(pk) for pk in open_ids} if proposals else set()
    return {event.pk: _url(event, artifacts.get(event.artifact_id), exists) for event in events}


def _url(event: Event, artifact: Artifact | None, exists: set[str]) -> str:
    """`exists` has the ids of versions that are there, and of proposals that are open."""
    if event.artifact_id is None:
        return event.get_absolute_url()
    if artifact is None:
        return event.project.get_absolute_url()
    if not event.alias and (event.data.get("to") or {}).get("id") not in exists:
        return reverse("artifact-versions", args=artifact.url_args)
    is_proposed = event.kind == event_messages.ALIAS_PROPOSED.name
    if is_proposed and str(proposal_notices.id_of(event)) not in exists:
        return reverse("alias-history", args=[*artifact.url_args, event.alias])
    return artifact.get_absolute_url() + event.get_absolute_url().removeprefix(event_messages.artifact_path(event))
