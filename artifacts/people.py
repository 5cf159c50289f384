"""Whom a user may see a page of, and what the reader may see of what they did lately."""

from typing import Any

from django.db.models import Exists, OuterRef, Q, QuerySet

from accounts.models import Invitation, Membership, Team, User
from artifacts.event_messages import KINDS
from artifacts.models import Artifact, ArtifactVersion
from events.models import Event
from projects.models import Project, Run

_KINDS = [kind.name for kind in KINDS]


def visible_to(reader: Any) -> QuerySet[User]:
    """Oneself, who shares a team with the reader, and whose name is on something that the reader may see, such as an
    invitation.

    Of others nobody learns whether they exist.
    """
    projects = Project.objects.visible_to(reader).values("pk")
    mine = Membership.objects.filter(user=reader).values("team")
    own = {"created_by": OuterRef("pk")}
    return User.objects.filter(
        Q(pk=reader.pk)
        | Q(pk__in=Invitation.objects.pending_for(reader).values("created_by"))
        | Exists(Membership.objects.filter(user=OuterRef("pk"), team__in=mine))
        | Exists(Project.objects.filter(pk__in=projects, **own))
        | Exists(Artifact.objects.filter(project__in=projects, **own))
        | Exists(ArtifactVersion.objects.finalized().filter(artifact__project__in=projects, **own))
        | Exists(Run.objects.filter(project__in=projects, **own))
        | Exists(Event.objects.filter(project__in=projects, actor=OuterRef("pk"), kind__in=_KINDS))
    )


def teams_in_common(reader: Any, person: User) -> QuerySet[Team]:
    """The reader's teams that the person is in, each with the reader's role as `role`."""
    theirs = Membership.objects.filter(user=person).values("team")
    return Team.objects.visible_to(reader).filter(pk__in=theirs).order_by("name")


def recent_activity(reader: Any, person: User, limit: int) -> list[Event]:
    """What the person did to artifacts, newest first, in projects that the reader may see. One query."""
    rows = Event.objects.filter(actor=person, kind__in=_KINDS, project__in=Project.objects.visible_to(reader))
    return list(rows.select_related("project__team").order_by("-id")[:limit])
