"""What former names mean for artifacts: `name:v1` means one version for ever, so numbers go on under the same name.

An artifact is asked for by the names of its team, its project and itself, and each of them may have been another's
before. Former names are kept as long as numbers hang on them.

Whose team has a name that was a stranger's learns nothing of what was in that team: there, all numbers go on from the
same one, whatever the artifact is called, and nothing with lower ones is renamed into the team.
"""

from collections.abc import Iterable
from uuid import UUID

from django.conf import settings
from django.db.models import Exists, Max, OuterRef, Q
from django.utils import timezone

from accounts import former_names
from accounts.actor import Actor
from accounts.models import SERVER, FormerName, Team
from artifacts import errors
from artifacts.models import Artifact, ArtifactVersion
from projects.models import Project

# Numbers that were a stranger's are told by their hundreds.
_HUNDRED = 100


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
    before = _last_assigned_numbers([artifact.name], {project.pk, *others}, artifact)
    _continue_numbers(artifact, before, _last_number_of_strangers(project.team))


def check_numbers(project: Project) -> None:
    """After the project, or its team, was renamed: let no version of it have a number that meant another by that name.

    Raises `Conflict`.
    """
    others, last = _projects_before(project), _last_number_of_strangers(project.team)
    before = _last_assigned_numbers(None, others) if others else {}
    used = Artifact.objects.filter(project=project).select_related("project__team")
    for artifact in used.filter(name__in=before) if last is None else used:
        _continue_numbers(artifact, before, last)


def check_team_numbers(team: Team) -> None:
    """The same for all projects of a team that was renamed."""
    if FormerName.objects.of(SERVER, team.name.lower()).exclude(holder=team.pk).exists():
        for project in team.projects.select_related("team"):
            check_numbers(project)


def prune() -> int:
    """Delete former names whose time is over and which no number of a version hangs on. Returns how many."""
    over = FormerName.objects.filter(
        freed_at__lte=timezone.now() - settings.FORMER_NAME_LIFE, last_assigned_number__isnull=True
    )
    numbered = Artifact.objects.filter(last_assigned_number__isnull=False)
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
    """The ids of other projects that `team/project` meant once, as far back as former names tell, but strangers'."""
    team = project.team
    own = FormerName.objects.of(SERVER, team.name.lower()).filter(freed_by=team.created_by_id)
    teams = {team.pk, *own.values_list("holder", flat=True)}
    before = set(FormerName.objects.of(teams, project.name).values_list("holder", flat=True))
    if len(teams) > 1:
        before |= set(Project.objects.filter(team__in=teams, name=project.name).values_list("pk", flat=True))
    return before - {project.pk}


def _last_number_of_strangers(team: Team) -> int | None:
    """The last number that any version had under the name of the team when it was a stranger's, in full hundreds.

    It is settled when it is asked for first: what that team does by its name of today does not matter.
    """
    others = FormerName.objects.of(SERVER, team.name.lower()).exclude(holder=team.pk)
    strangers = others.exclude(freed_by=team.created_by_id)
    for row in strangers.filter(last_assigned_number__isnull=True):
        last = max(_last_number_in(row.holder), 1)
        others.filter(pk=row.pk).update(last_assigned_number=-(-last // _HUNDRED) * _HUNDRED)
    return strangers.aggregate(last=Max("last_assigned_number"))["last"]


def _last_number_in(team: UUID) -> int:
    projects = {
        *Project.objects.filter(team=team).values_list("pk", flat=True),
        *FormerName.objects.filter(scope=team).values_list("holder", flat=True),
    }
    rows = FormerName.objects.filter(scope__in=projects), Artifact.objects.filter(project__in=projects)
    return max(row.aggregate(last=Max("last_assigned_number"))["last"] or 0 for row in rows)


def _last_assigned_numbers(
    names: Iterable[str] | None, projects: set[UUID], but: Artifact | None = None
) -> dict[str, int]:
    """By name the last number of those that had it in these projects: that it has now, or had when it was deleted."""
    former = FormerName.objects.filter(scope__in=projects)
    former = former.filter(name__in=names) if names else former
    living = Artifact.objects.filter(last_assigned_number__isnull=False)
    if but:
        former, living = former.exclude(holder=but.pk), living.exclude(pk=but.pk)
    rows = list(former.values_list("name", "holder", "last_assigned_number"))
    of_holder = dict(living.filter(pk__in=former.values("holder")).values_list("pk", "last_assigned_number"))
    numbers = [(name, number) for name, holder, own in rows for number in (own, of_holder.get(holder))]
    inside = living.filter(project__in=projects)
    inside = inside.filter(name__in=names) if names else inside
    last: dict[str, int] = {}
    for name, number in [*numbers, *inside.values_list("name", "last_assigned_number")]:
        if number is not None:
            last[name] = max(number, last.get(name, 0))
    return last


def _continue_numbers(artifact: Artifact, before: dict[str, int], of_strangers: int | None) -> None:
    of_name = before.get(artifact.name, -1)
    last = max(of_name, -1 if of_strangers is None else of_strangers)
    if last < 0:
        return
    lowest = ArtifactVersion.objects.filter(artifact=artifact, number__lte=last).order_by("number").first()
    if lowest and lowest.number > of_name:
        raise errors.Conflict(
            f"The name of team '{artifact.project.team.name}' was another team's before. Versions up to v{last} keep "
            "the meaning that they may have had under it: create a new team with this name, or choose another one."
        )
    if lowest:
        raise errors.Conflict(
            f"{artifact.full_name}:{lowest.version} meant another version before: there was an artifact of that name, "
            f"with versions up to v{of_name}. Choose another name, or create a new artifact with this one."
        )
    if artifact.last_assigned_number is None or artifact.last_assigned_number < last:
        artifact.last_assigned_number = last
        artifact.save(update_fields=["last_assigned_number"])
