"""What pages show of aliases: each with the rule that protects it and the size of its last jump, and what a move would
mean before it is made."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from django.db.models import Count, OuterRef, QuerySet, Subquery
from django.db.models.functions import Coalesce

from accounts import permissions
from accounts.actor import Actor
from accounts.models import Role
from artifacts import validators, version_diff
from artifacts.aliases import aliases
from artifacts.aliases import protection as rules
from artifacts.aliases.protection import Protection
from artifacts.models import AliasChange, AliasProposal, AliasRule, Artifact, ArtifactAlias, ArtifactVersion

# A list to choose from is not to be scrolled for ever; any other version can be typed.
VERSIONS_OFFERED = 100
ALIASES_OFFERED = 200
PROPOSALS_SHOWN = 50
# A person waits for the summary of a difference. Files that no worker has verified take a look at their hashes too.
MOST_COMPARED, MOST_UNVERIFIED = 20_000, 2_000


def annotate_alias_state(artifacts: QuerySet[Artifact]) -> QuerySet[Artifact]:
    """Each with what `stamp` needs, and how many moves wait for a decision as `open_proposals`. No further query."""
    last = AliasChange.objects.filter(artifact=OuterRef("pk")).order_by("-created_at", "-id")
    waiting = AliasProposal.objects.open().filter(artifact=OuterRef("pk")).order_by()
    count = waiting.values("artifact").annotate(count=Count("*")).values("count")
    return artifacts.annotate(
        last_change=Subquery(last.values("pk")[:1]),
        last_proposal=Subquery(waiting.order_by("-id").values("pk")[:1]),
        open_proposals=Coalesce(Subquery(count), 0),
    )


def state_token(artifact: Artifact) -> str:
    """A word that is another one once an alias of the artifact, found `with_news`, or a proposal has changed."""
    ids = (artifact.last_change, artifact.last_proposal)
    return "-".join([*(str(id)[-12:] if id else "0" for id in ids), str(artifact.open_proposals)])


class Viewer:
    """Who looks at an artifact's aliases, and what the rules let them do."""

    def __init__(self, actor: Actor, artifact: Artifact, role: str | None = None) -> None:
        self.actor, self.artifact = actor, artifact
        self._known_role = Role(role) if role else None

    @cached_property
    def role(self) -> Role | None:
        return self._known_role or permissions.role_in(self.actor.user, self.artifact.project.team)

    @cached_property
    def rules(self) -> list[AliasRule]:
        return rules.rules_for(self.artifact)

    def protection(self, alias: str) -> Protection | None:
        return rules.protection(self.rules, alias)

    def may_move(self, alias: str) -> bool:
        return rules.may_move(self.actor, self.role, self.protection(alias))

    def may_decide(self, proposal: AliasProposal) -> bool:
        asked = self.protection(proposal.alias)
        needed = asked.role if asked else Role.EDITOR
        return bool(self.role and self.role.covers(needed)) and proposal.proposed_by_id != self.actor.user.pk


def protection_text(protection: Protection | None) -> str:
    """What the rules ask for, as a sentence that names the strictest of them."""
    if protection is None:
        return ""
    role = protection.role.value
    who = "editors can move it" if protection.role is Role.EDITOR else f"only {role}s can move it"
    approval = f"; a second {role} must approve" if protection.needs_approval else ""
    return f"Protected by the rule {protection.rule}: {who}{approval}."


def distance(before: int | None, after: int | None) -> str:
    """How far an alias has moved: `+3 versions`; empty for no move from one version to another."""
    if not before or not after or before == after:
        return ""
    return f"{'+' if after > before else '−'}{_versions(abs(after - before))}"


def _versions(count: int) -> str:
    return f"{count} version{'s' if count > 1 else ''}"


@dataclass(frozen=True, slots=True)
class AliasRow:
    """An alias of the list. `change` is what put it where it is."""

    alias: ArtifactAlias
    change: AliasChange | None
    protection: Protection | None
    may_move: bool
    proposal: "PendingProposal | None"

    @property
    def jump(self) -> str:
        """How far ahead of the place before it is; empty where it was nowhere."""
        return distance(self.change.from_number, self.change.to_number) if self.change else ""

    @property
    def protected_by(self) -> str:
        return protection_text(self.protection)


@dataclass(frozen=True, slots=True)
class PendingProposal:
    """A proposal that waits. Where the alias is by now, as `now`, may be another place than when it was proposed."""

    proposal: AliasProposal
    now: str | None
    may_decide: bool
    is_own: bool
    role: Role

    @property
    def has_moved(self) -> bool:
        return self.now != self.proposal.before


def alias_rows(reader: Viewer, shown: Iterable[ArtifactAlias], waiting: Iterable[PendingProposal]) -> list[AliasRow]:
    """One for each of these aliases, whose versions are loaded. Two queries."""
    shown = list(shown)
    proposed = {each.proposal.alias: each for each in waiting}
    changes = _last_changes(reader.artifact, [row.alias for row in shown])
    return [
        AliasRow(
            row,
            changes.get(row.alias),
            reader.protection(row.alias),
            reader.may_move(row.alias),
            proposed.get(row.alias),
        )
        for row in shown
    ]


def pending_proposals(reader: Viewer) -> list[PendingProposal]:
    """The moves that wait for a decision, the last one first, of an artifact found `with_news`."""
    if not reader.artifact.open_proposals:
        return []
    opened = list(_proposals(reader.artifact).open()[:PROPOSALS_SHOWN])
    return [_waiting(reader, each, each.now_at) for each in opened]


def proposal_row(reader: Viewer, proposal: AliasProposal) -> PendingProposal:
    """The same of one proposal, in whatever state."""
    row = aliases.find(reader.artifact, proposal.alias)
    return _waiting(reader, proposal, row.version.number if row else None)


def _proposals(artifact: Artifact) -> QuerySet[AliasProposal]:
    now = ArtifactAlias.objects.filter(artifact=OuterRef("artifact"), alias=OuterRef("alias"))
    found = AliasProposal.objects.filter(artifact=artifact).for_display()
    return found.annotate(now_at=Subquery(now.values("version__number")[:1]))


def _waiting(reader: Viewer, proposal: AliasProposal, number: int | None) -> PendingProposal:
    asked = reader.protection(proposal.alias)
    return PendingProposal(
        proposal,
        f"v{number}" if number else None,
        reader.may_decide(proposal),
        proposal.proposed_by_id == reader.actor.user.pk,
        asked.role if asked else Role.EDITOR,
    )


def _last_changes(artifact: Artifact, aliases: list[str]) -> dict[str, AliasChange]:
    of_one = AliasChange.objects.filter(artifact=OuterRef("artifact"), alias=OuterRef("alias")).order_by("-number")
    rows = ArtifactAlias.objects.filter(artifact=artifact, alias__in=aliases)
    ids = rows.order_by().values(last=Subquery(of_one.values("pk")[:1]))
    return {change.alias: change for change in AliasChange.objects.filter(pk__in=ids)}


@dataclass(frozen=True, slots=True)
class MovePreview:
    """What a move would mean: where the alias is, where it would go, what is different there, and who may do it alone.

    `at` is None for an alias that does not exist, `to` for one that is to go, or while no version is chosen.
    """

    alias: str
    at: ArtifactVersion | None
    to: ArtifactVersion | None
    protection: Protection | None
    may_move: bool
    files: version_diff.FileChanges | None = None

    @property
    def jump(self) -> str:
        """How much newer or older the version is that it would go to: `3 versions newer`."""
        if not self.to or not self.at:
            return ""
        ahead = self.to.number - self.at.number
        return f"{_versions(abs(ahead))} {'newer' if ahead > 0 else 'older'}" if ahead else ""

    @property
    def protected_by(self) -> str:
        return protection_text(self.protection)

    @property
    def is_there(self) -> bool:
        return bool(self.to and self.at and self.to.pk == self.at.pk)

    @property
    def growth(self) -> int:
        """Bytes that the one has more than the other."""
        return abs(self.to.total_size - self.at.total_size) if self.to and self.at else 0


def move_preview(reader: Viewer, alias: str, at: ArtifactVersion | None, to: ArtifactVersion | None) -> MovePreview:
    """Of something that is not an alias, while it is being typed, a plan without a name."""
    alias = alias if re.match(validators.ALIAS, alias) else ""
    asked = reader.protection(alias)
    may_move = asked is None or reader.may_move(alias)
    return MovePreview(alias, at, to, asked, may_move, _difference(at, to))


def _difference(at: ArtifactVersion | None, to: ArtifactVersion | None) -> version_diff.FileChanges | None:
    """None where there is nothing to compare, or too much to wait for."""
    if at is None or to is None or at.pk == to.pk:
        return None
    is_verified = {at.integrity, to.integrity} == {ArtifactVersion.Integrity.VERIFIED}
    if at.file_count + to.file_count > (MOST_COMPARED if is_verified else MOST_UNVERIFIED):
        return None
    return version_diff.files(at, to, limit=1)


def version_choices(artifact: Artifact, *also: ArtifactVersion | None) -> list[ArtifactVersion]:
    """The newest finalized versions and these, newest first, each with its aliases as `alias_names`. Two queries."""
    newest = artifact.versions.finalized().order_by("-number")[:VERSIONS_OFFERED]
    found = {version.pk: version for version in (*newest, *also) if version}
    given: dict[Any, list[str]] = {pk: [] for pk in found}
    for pk, alias in artifact.alias_set.filter(version__in=given).order_by("alias").values_list("version", "alias"):
        given[pk].append(alias)
    for pk, version in found.items():
        version.alias_names = given[pk]
    return sorted(found.values(), key=lambda version: -version.number)
