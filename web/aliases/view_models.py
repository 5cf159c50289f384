"""What pages show of aliases: rows with the rule that protects each, pending proposals, and previews of moves."""

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from django.db.models import OuterRef, Q, Subquery

from accounts import permissions
from accounts.actor import Actor
from accounts.models import Role
from artifacts import validators, version_diff
from artifacts.aliases import aliases as alias_verbs
from artifacts.aliases import protection, rollbacks
from artifacts.aliases.protection import Protection
from artifacts.models import AliasChange, AliasProposal, AliasRule, Artifact, ArtifactAlias, ArtifactVersion

# A list to choose from is not to be scrolled for ever; any other version can be typed.
MAX_VERSION_CHOICES = 100
MAX_ALIAS_CHOICES = 200
MAX_PROPOSALS = 50
# A person waits for the summary of a difference. Files that no worker has verified take a look at their hashes too.
MAX_COMPARED_FILES, MAX_UNVERIFIED_FILES = 20_000, 2_000


class Viewer:
    """Who looks at an artifact's aliases, and what the rules let them do.

    An artifact that came `with_role_of` the user is not asked for it again.
    """

    def __init__(self, actor: Actor, artifact: Artifact) -> None:
        self.actor, self.artifact = actor, artifact

    @cached_property
    def role(self) -> Role | None:
        if hasattr(self.artifact, "role"):
            return Role(self.artifact.role) if self.artifact.role else None
        return permissions.role_in(self.actor.user, self.artifact.project.team)

    @cached_property
    def rules(self) -> list[AliasRule]:
        return protection.rules_for(self.artifact)

    @property
    def visible_rules(self) -> list[AliasRule]:
        """The rules without those of the team, for who is not in it."""
        return [rule for rule in self.rules if self._sees(rule)]

    def protection_of(self, alias: str) -> Protection | None:
        return protection.protection(self.rules, alias)

    def protected_by(self, alias: str) -> str:
        row = self.protection_of(alias)
        return protection_text(row, filter(self._sees, row.rules) if row else ())

    def _sees(self, rule: AliasRule) -> bool:
        return rule.team_id is None or self.role is not None

    def may_move(self, alias: str) -> bool:
        return protection.may_move(self.actor, self.role, self.protection_of(alias))


def protection_text(row: Protection | None, named: Iterable[AliasRule] = ()) -> str:
    """What the rules ask for together, as a sentence that names those that the reader may see."""
    if row is None:
        return ""
    role = row.role.value
    who = "editors can move it" if row.role is Role.EDITOR else f"only {role}s can move it"
    approval = f"; a second {role} must approve" if row.needs_approval else ""
    rules = [str(rule) for rule in named]
    text = " and ".join(filter(None, [", ".join(rules[:-1]), *rules[-1:]]))
    by = f" by the rule{'s' if len(rules) > 1 else ''} {text}" if rules else ""
    return f"Protected{by}: {who}{approval}."


def distance(before: int | None, after: int | None) -> str:
    """How far an alias has moved: `+3 versions`; empty for no move from one version to another."""
    if before is None or after is None or before == after:
        return ""
    return f"{'+' if after > before else '−'}{_versions(abs(after - before))}"


def _versions(count: int) -> str:
    return f"{count} version{'s' if count > 1 else ''}"


@dataclass(frozen=True, slots=True)
class AliasRow:
    """An alias of the list. `change` is what put it where it is."""

    alias: ArtifactAlias
    change: AliasChange | None
    protected_by: str
    may_move: bool
    proposal: "PendingProposal | None"
    rollback_to: str

    @property
    def jump(self) -> str:
        """How far the last change moved it; empty for a new alias."""
        return distance(self.change.from_number, self.change.to_number) if self.change else ""


@dataclass(frozen=True, slots=True)
class PendingProposal:
    """An open proposal. Since it was proposed, the alias may have moved: `current` is the version that it is at now."""

    proposal: AliasProposal
    current: str | None
    may_decide: bool
    is_own: bool
    role: Role

    @property
    def has_moved(self) -> bool:
        return self.current != self.proposal.before


def alias_rows(viewer: Viewer, aliases: Iterable[ArtifactAlias], pending: Iterable[PendingProposal]) -> list[AliasRow]:
    """One for each of these aliases, whose versions are loaded. Three queries."""
    aliases = list(aliases)
    proposal_by_alias = {row.proposal.alias: row for row in pending}
    names = [row.alias for row in aliases]
    changes, targets = _last_changes(viewer.artifact, names), rollbacks.of_aliases(viewer.artifact, names)
    return [
        AliasRow(
            row,
            changes.get(row.alias),
            viewer.protected_by(row.alias),
            viewer.may_move(row.alias),
            proposal_by_alias.get(row.alias),
            targets.get(row.alias, ""),
        )
        for row in aliases
    ]


def pending_proposals(viewer: Viewer) -> list[PendingProposal]:
    """The open proposals, the last one first, of an artifact with `annotate_alias_state`."""
    if not viewer.artifact.open_proposals:
        return []
    aliases = ArtifactAlias.objects.filter(artifact=OuterRef("artifact"), alias=OuterRef("alias"))
    rows = AliasProposal.objects.filter(artifact=viewer.artifact).for_display().open()
    rows = rows.annotate(current_number=Subquery(aliases.values("version__number")[:1]))
    return [_pending_proposal(viewer, proposal, proposal.current_number) for proposal in rows[:MAX_PROPOSALS]]


def proposal_row(viewer: Viewer, proposal: AliasProposal) -> PendingProposal:
    """The same of one proposal, in whatever state."""
    row = alias_verbs.find(viewer.artifact, proposal.alias)
    return _pending_proposal(viewer, proposal, row.version.number if row else None)


def _pending_proposal(viewer: Viewer, proposal: AliasProposal, number: int | None) -> PendingProposal:
    required = protection.required_role(viewer.protection_of(proposal.alias))
    return PendingProposal(
        proposal,
        None if number is None else f"v{number}",
        protection.may_decide(viewer.actor, viewer.role, required, proposal),
        proposal.proposed_by_id == viewer.actor.user.pk,
        required,
    )


def _last_changes(artifact: Artifact, aliases: list[str]) -> dict[str, AliasChange]:
    of_one = AliasChange.objects.filter(artifact=OuterRef("artifact"), alias=OuterRef("alias")).order_by("-number")
    rows = ArtifactAlias.objects.filter(artifact=artifact, alias__in=aliases)
    ids = rows.order_by().values(last=Subquery(of_one.values("pk")[:1]))
    return {change.alias: change for change in AliasChange.objects.filter(pk__in=ids)}


@dataclass(frozen=True, slots=True)
class MovePreview:
    """What a move would change: the versions before and after it, how they differ, and who may make it alone.

    `current` is None for an alias that does not exist, `target` for one that is to be deleted, or while no version is
    chosen.
    """

    alias: str
    current: ArtifactVersion | None
    target: ArtifactVersion | None
    protection: Protection | None
    may_move: bool
    files: version_diff.FileChanges | None = None

    @property
    def jump(self) -> str:
        """How much newer or older the version is that it would go to: `3 versions newer`."""
        if not self.target or not self.current:
            return ""
        ahead = self.target.number - self.current.number
        return f"{_versions(abs(ahead))} {'newer' if ahead > 0 else 'older'}" if ahead else ""

    @property
    def protected_by(self) -> str:
        return protection_text(self.protection, self.protection.rules if self.protection else ())

    @property
    def version_meant(self) -> str:
        """`v3` for an alias of that name, which `name:v3` does not mean: it means the version. Else empty."""
        return self.alias if validators.version_number(self.alias) else ""

    @property
    def is_unchanged(self) -> bool:
        return bool(self.target and self.current and self.target.pk == self.current.pk)


def move_preview(
    viewer: Viewer, alias: str, current: ArtifactVersion | None, target: ArtifactVersion | None
) -> MovePreview:
    """Of something that is not an alias, while it is being typed, a preview without a name."""
    alias = alias if validators.is_label(alias) else ""
    needed = viewer.protection_of(alias)
    may_move = needed is None or viewer.may_move(alias)
    return MovePreview(alias, current, target, needed, may_move, _file_changes(current, target))


def swap_previews(viewer: Viewer, one: str, other: str) -> list[MovePreview]:
    """What the swap of two aliases would change, without the files; none unless both exist. One query."""
    rows = {row.alias: row for row in viewer.artifact.alias_set.for_display().filter(alias__in=(one, other))}
    if len(rows) < 2:
        return []
    pairs = ((rows[one], rows[other]), (rows[other], rows[one]))
    return [
        MovePreview(row.alias, row.version, to.version, viewer.protection_of(row.alias), viewer.may_move(row.alias))
        for row, to in pairs
    ]


def _file_changes(current: ArtifactVersion | None, target: ArtifactVersion | None) -> version_diff.FileChanges | None:
    """None where there is nothing to compare, or too much to wait for."""
    if current is None or target is None or current.pk == target.pk:
        return None
    is_verified = {current.integrity, target.integrity} == {ArtifactVersion.Integrity.VERIFIED}
    if current.file_count + target.file_count > (MAX_COMPARED_FILES if is_verified else MAX_UNVERIFIED_FILES):
        return None
    return version_diff.files(current, target, limit=1)


def version_choices(
    artifact: Artifact, *also: ArtifactVersion | None, limit: int = MAX_VERSION_CHOICES, search: str = ""
) -> list[ArtifactVersion]:
    """The newest finalized versions and these, newest first, each with its aliases as `alias_names`. Two queries.

    With `search` only those whose number begins so, as `v4` or `4`, or that have an alias with this text.
    """
    finalized = artifact.versions.finalized().defer("description", "notes", "metadata").order_by("-number")
    if search:
        named = artifact.alias_set.filter(alias__icontains=search).order_by("sort_key").values("version")[:limit]
        finalized = finalized.filter(_begins_with(search.removeprefix("v")) | Q(pk__in=Subquery(named)))
    choices = {version.pk: version for version in (*finalized[:limit], *also) if version}
    names: dict[Any, list[str]] = {pk: [] for pk in choices}
    for pk, alias in artifact.alias_set.filter(version__in=names).order_by("sort_key").values_list("version", "alias"):
        names[pk].append(alias)
    for pk, version in choices.items():
        version.alias_names = names[pk]
    return sorted(choices.values(), key=lambda version: -version.number)


def _begins_with(digits: str) -> Q:
    """Numbers that begin with these digits, as ranges, which an index finds; none for what is no number."""
    if digits == "0":
        return Q(number=0)
    if not (digits.isascii() and digits.isdigit()) or len(digits) > 9 or digits.startswith("0"):
        return Q(pk=None)
    ranges = Q()
    for power in range(10 - len(digits)):
        first = int(digits) * 10**power
        ranges |= Q(number__range=(first, first + 10**power - 1))
    return ranges
