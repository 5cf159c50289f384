"""What former names mean for artifacts: `name:v1` means one version for ever, so numbers go on under the same name.

An artifact is asked for by the names of its team, its project and itself, and each of them may have been another's
before. Former names are kept as long as numbers hang on them.
"""

from collections.abc import Iterable
from uuid import UUID

from django.conf import settings
from django.db.models import Exists, OuterRef, Q
from django.utils import timezone

from accounts import former_names
from accounts.actor import Actor
from accounts.models import SERVER, FormerName, Team
from artifacts import errors
from artifacts.models import Artifact, ArtifactVersion
from projects.models import Project


def claim(actor: Actor, artifact: Artifact) -> None:
    """Let the artifact, which is written already under its lock, have its name; its numbers go on from there.

    Raises `NameTaken` with the id of the artifact that was renamed, `NameReserved`, and `Conflict` for one that has
    versions whose numbers meant others by this name.
    """
    project = artifact.project
    if not _were_used(project, artifact.name):
        return
    renamed = FormerName.objects.holder(project.pk, artifact.name)
    renamed = Artifact.objects.filter(pk=renamed).exclude(pk=artifact.pk).first() if renamed else None
    if renamed:
        raise errors.NameTaken(
            f"Artifact {artifact.name!r} was renamed to {renamed.name!r}, and is still found by its old name: use it, "
            "or choose another name.",
            artifact_id=str(renamed.pk),
        )
    others = _projects_before(project)
    gone = others - set(Project.objects.filter(pk__in=others).values_list("pk", flat=True))
    former_names.claim(actor, [project.pk, *gone], artifact.name, artifact.pk, project.team)
    _continue_numbers(artifact, _last_assigned_numbers([artifact.name], {project.pk, *others}, artifact))


def check_numbers(project: Project) -> None:
    """After the project, or its team, was renamed: let no version of it have a number that meant another by that name.

    Raises `Conflict`.
    """
    others = _projects_before(project)
    if not others:
        return
    before = _last_assigned_numbers(None, others)
    for artifact in Artifact.objects.filter(project=project, name__in=before).select_related("project__team"):
        _continue_numbers(artifact, before)


def check_team_numbers(team: Team) -> None:
    """The same for all projects of a team that was renamed."""
    if FormerName.objects.of(SERVER, team.name.lower()).exclude(holder=team.pk).exists():
        for project in team.projects.select_related("team"):
            check_numbers(project)


def prune() -> int:
    """Delete former names whose time is over and which no number of a version hangs on. Returns how many."""
    over = FormerName.objects.filter(freed_at__lte=timezone.now() - settings.FORMER_NAME_LIFE, last_assigned_number=0)
    numbered = Artifact.objects.filter(last_assigned_number__gt=0)
    inside = [
        FormerName.objects.filter(scope=OuterRef("holder")),
        numbered.filter(pk=OuterRef("holder")),
        numbered.filter(project=OuterRef("holder")),
        numbered.filter(project__team=OuterRef("holder")),
    ]
    doomed = over.exclude(Q(*map(Exists, inside), _connector=Q.OR))
    return doomed.delete()[0]


def _were_used(project: Project, name: str) -> bool:
    """Whether any of the names in `team/project/name` was another's before. One query, which mostly is the last one."""
    team = project.team
    uses = {(SERVER, team.name.lower()), (team.pk, project.name), (project.pk, name)}
    return FormerName.objects.filter(Q(*(Q(scope=scope, name=name) for scope, name in uses), _connector=Q.OR)).exists()


def _projects_before(project: Project) -> set[UUID]:
    """The ids of other projects that `team/project` meant once, as far back as former names tell."""
    team = project.team
    teams = {team.pk, *FormerName.objects.of(SERVER, team.name.lower()).values_list("holder", flat=True)}
    before = set(FormerName.objects.of(teams, project.name).values_list("holder", flat=True))
    if len(teams) > 1:
        before |= set(Project.objects.filter(team__in=teams, name=project.name).values_list("pk", flat=True))
    return before - {project.pk}


def _last_assigned_numbers(
    names: Iterable[str] | None, projects: set[UUID], but: Artifact | None = None
) -> dict[str, int]:
    """By name the last number of those that had it in these projects: that it has now, or had when it was deleted."""
    former = FormerName.objects.filter(scope__in=projects)
    former = former.filter(name__in=names) if names else former
    living = Artifact.objects.filter(last_assigned_number__gt=0)
    if but:
        former, living = former.exclude(holder=but.pk), living.exclude(pk=but.pk)
    rows = list(former.values_list("name", "holder", "last_assigned_number"))
    of_holder = dict(living.filter(pk__in=former.values("holder")).values_list("pk", "last_assigned_number"))
    numbers = [(name, max(number, of_holder.get(holder, 0))) for name, holder, number in rows]
    inside = living.filter(project__in=projects)
    inside = inside.filter(name__in=names) if names else inside
    last: dict[str, int] = {}
    for name, number in [*numbers, *inside.values_list("name", "last_assigned_number")]:
        last[name] = max(number, last.get(name, 0))
    return {name: number for name, number in last.items() if number}


def _continue_numbers(artifact: Artifact, before: dict[str, int]) -> None:
    last = before.get(artifact.name, 0)
    if not last:
        return
    lowest = ArtifactVersion.objects.filter(artifact=artifact, number__lte=last).order_by("number").first()
    if lowest:
        raise errors.Conflict(
            f"{artifact.full_name}:{lowest.version} meant another version before: there was an artifact of that name, "
            f"with versions up to v{last}. Choose another name, or create a new artifact with this one."
        )
    if artifact.last_assigned_number < last:
        artifact.last_assigned_number = last
        artifact.save(update_fields=["last_assigned_number"])
