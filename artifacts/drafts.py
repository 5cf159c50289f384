"""How drafts begin: with a number or none, with the files that are stated, with those of an earlier version."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from django.db import transaction
from django.db.models import QuerySet
from django.utils import timezone

from accounts import permissions
from accounts.actor import Actor
from accounts.models import Role
from artifacts import draft_bases, draft_files, errors, validators, version_tags
from artifacts.aliases import aliases as alias_verbs
from artifacts.aliases import lock, protection
from artifacts.models import Artifact, ArtifactVersion, VersionSource
from artifacts.references import references
from artifacts.references.references import ReferenceSpec
from projects.models import Run

if TYPE_CHECKING:
    from artifacts.lineage.sources import Source


class Numbering(StrEnum):
    """When a version gets its number: one that is given up before leaves a gap, or none."""

    ON_CREATE = "on_create"
    ON_FINALIZE = "on_finalize"


@dataclass(frozen=True, slots=True)
class DraftResult:
    """A draft to fill, or a version that has these contents already; `missing` are the sha256 to upload."""

    version: ArtifactVersion
    created: bool
    missing: list[str]


@dataclass(frozen=True, slots=True)
class OpenedDraft:
    """A draft that was begun, and what it does not have yet of its base and its files."""

    result: DraftResult
    base: draft_bases.Base | None = None
    specs: Sequence[draft_files.FileSpec | ReferenceSpec] = ()


def open(
    actor: Actor,
    artifact: Artifact,
    *,
    digest: str | None = None,
    executable_digest: str | None = None,
    specs: Sequence[draft_files.FileSpec | ReferenceSpec] = (),
    run: Run | None = None,
    description: str = "",
    notes: str = "",
    metadata: dict[str, Any] | None = None,
    aliases: Sequence[str] = (),
    numbering: str = Numbering.ON_CREATE,
    number: int | None = None,
    derived_from: Sequence["Source"] = (),
    base: ArtifactVersion | None = None,
    removed: Sequence[str] = (),
    tags: Sequence[str] = (),
    ttl: timedelta | None = None,
) -> OpenedDraft:
    """A new draft; or, where the digest is given, the version or the user's own draft that has it already.

    The `specs` are those of `references.check_specs`.

    With `executable_digest` as well, one with these executable files; without, whichever are executable.
    With a `number` it gets that one, which is higher than any before: those between are left out. Raises `Conflict`.
    `derived_from` are its sources; a version that has the contents keeps its own.
    `tags` and `ttl`, which is how long it lives from when it was made, are the draft's: a version that has the contents
    keeps its own.
    With a `base` it has the files of that version too, but for those at the paths of the specs and the `removed` ones.
    Of a draft with a digest very many files are left for `fill`.
    Aliases that `finalize` would refuse to assign are refused before any byte is sent; they are assigned there.
    """
    require_no_collection(artifact)
    check_aliases(actor, artifact, aliases)
    if run is not None and run.project_id != artifact.project_id:
        raise errors.Invalid(f"Run {run.name!r} belongs to another project than artifact {artifact.name!r}.")
    kept = draft_bases.check(actor, artifact, base, removed, (spec.path for spec in specs)) if base else None
    fields = {"run": run, "description": description, "notes": notes, "metadata": metadata or {}}
    fields["executable_digest"] = executable_digest or ""
    ttl = validators.check_ttl(ttl) if ttl else None
    with transaction.atomic():
        artifact = lock.acquire(artifact)
        twin = newest_with(artifact, digest, executable_digest)
        if twin:
            return OpenedDraft(DraftResult(twin, False, []))
        version, created = _open_draft(actor, artifact, digest, fields, numbering, number)
        if derived_from or not created:
            _replace_sources(version, derived_from)
        if tags or not created:
            version_tags.put(version, tags)
        if ttl or not created:
            version.expires_at = version.created_at + ttl if ttl else None
            version.save(update_fields=["expires_at", "touched_at"])
        # Whoever repeats the call finds the draft by its digest, and goes on where it stopped.
        if digest and len(specs) + (base.file_count if base else 0) > draft_files.MAX_FILES_A_TRANSACTION:
            return OpenedDraft(DraftResult(version, created, []), kept, specs)
        for within in draft_bases.slices(kept) if kept else ():
            draft_bases.copy(version, kept, within)
        _, missing = references.add_to_locked(actor, version, specs)
    return OpenedDraft(DraftResult(version, created, missing))


def fill(actor: Actor, opened: OpenedDraft) -> DraftResult:
    """Give the draft what it does not have yet, in transactions that others need not wait for long."""
    version, missing = opened.result.version, opened.result.missing
    for within in draft_bases.slices(opened.base) if opened.base else ():
        with transaction.atomic():
            draft_bases.copy(draft_files.lock_draft(actor, version), opened.base, within)
    if opened.specs:
        _, missing = references.add_in_batches(actor, version, opened.specs)
    return replace(opened.result, missing=missing)


def require_no_collection(artifact: Artifact) -> None:
    """Raise `LinkRefused` for a collection, which has no files of its own."""
    if artifact.is_collection:
        raise errors.LinkRefused(
            f"Collection {artifact.name!r} holds links to versions: log to another name, then link that version here."
        )


def check_aliases(actor: Actor, artifact: Artifact, names: Iterable[str], number: int | None = None) -> None:
    """Refuse aliases of the version of that number, or else of the next one, before its bytes are sent.

    Raises `Denied`, `InvalidName`, `AliasProtected`, `TooManyAliases`. No rule is applied to `latest` where it follows
    by itself.
    """
    permissions.require(actor, artifact.project.team, Role.EDITOR)
    names = [validators.check_alias(alias) for alias in names]
    for alias in names:
        if validators.version_number(alias) is not None:
            alias_verbs.check_new_alias(artifact, alias, next_number(artifact) if number is None else number)
    if names:
        existing = artifact.alias_set.filter(alias__in=names).values_list("alias", flat=True)
        new = set(names).difference(existing)
        for alias in new:
            validators.check_new_alias(alias, is_wandb=actor.is_wandb)
        alias_verbs.check_room(artifact, new)
    protection.require(
        actor, artifact, [alias for alias in names if alias != validators.LATEST or not artifact.auto_latest]
    )


def newest_with(artifact: Artifact, digest: str | None, executable_digest: str | None) -> ArtifactVersion | None:
    """The newest finalized version, if it has these digests, its bytes are not corrupt, and its TTL is not over."""
    if not digest or artifact.latest_version_number is None:
        return None
    newest = _newest_intact(artifact)
    if executable_digest is not None:
        newest = newest.filter(executable_digest=executable_digest)
    return newest.filter(digest=digest).first()


def newest_with_wire_digest(artifact: Artifact, digest: str | None) -> ArtifactVersion | None:
    """The same by the digest that the `wandb` client computes."""
    if not digest or artifact.latest_version_number is None:
        return None
    return _newest_intact(artifact).filter(wire_digest=digest).first()


def _newest_intact(artifact: Artifact) -> QuerySet[ArtifactVersion]:
    """Not one whose TTL is over: a worker may delete it at any moment, and what was logged would be gone with it."""
    newest = artifact.versions.finalized().filter(number=artifact.latest_version_number)
    return newest.exclude(integrity=ArtifactVersion.Integrity.CORRUPT).exclude(expires_at__lte=timezone.now())


def next_number(artifact: Artifact) -> int:
    """The one after the last, without those by which an alias is called already: `name:v4` goes on to mean it."""
    number = artifact.first_number if artifact.last_assigned_number is None else artifact.last_assigned_number + 1
    while artifact.alias_set.filter(alias=f"v{number}").exists():
        number += 1
    return number


def _take_number(artifact: Artifact, stated: int | None = None) -> int:
    """A number that no version has and none had, for callers that hold the artifact's lock; the stated one if given."""
    following = next_number(artifact)
    if stated is not None and stated < following:
        raise errors.Conflict(f"v{stated} comes before v{following}, which is the next version of the artifact.")
    if stated is not None and artifact.alias_set.filter(alias=f"v{stated}").exists():
        raise errors.Conflict(f"An alias of the artifact is called v{stated}: remove it, or leave that number out.")
    artifact.last_assigned_number = following if stated is None else stated
    artifact.save(update_fields=["last_assigned_number", "updated_at"])
    return artifact.last_assigned_number


def _lock_own_draft(
    actor: Actor, artifact: Artifact, digest: str | None, executable_digest: str
) -> ArtifactVersion | None:
    """A draft of the same contents that an interrupted try of the same user left, under a row lock."""
    if not digest:
        return None
    drafts_of_user = artifact.versions.drafts().filter(digest=digest, created_by=actor.user)
    drafts_of_user = drafts_of_user.filter(executable_digest=executable_digest).order_by("-id")
    return drafts_of_user.select_for_update(no_key=True).first()


def _replace_sources(version: ArtifactVersion, sources: Iterable["Source"]) -> None:
    """What was said before is forgotten."""
    version.sources.all().delete()
    VersionSource.objects.bulk_create(
        VersionSource(version=version, source=source.version, requested_as=source.requested_as) for source in sources
    )


def _open_draft(
    actor: Actor,
    artifact: Artifact,
    digest: str | None,
    fields: dict[str, Any],
    numbering: str,
    stated_number: int | None,
) -> tuple[ArtifactVersion, bool]:
    """The user's own draft of these contents with these fields, or a new one, and whether it is new."""
    version = _lock_own_draft(actor, artifact, digest, fields["executable_digest"])
    if version is None:
        number = _take_number(artifact, stated_number) if numbering == Numbering.ON_CREATE else None
        version = ArtifactVersion(artifact=artifact, number=number, digest=digest, created_by=actor.user, **fields)
        version.storage_path = f"projects/{artifact.project_id}/artifacts/{artifact.pk}/versions/{version.pk}"
        version.save(force_insert=True)
        return version, True
    if stated_number is not None and version.number not in (None, stated_number):
        raise errors.Conflict(f"Your draft of these contents is {version.version}: finalize it, or delete it first.")
    # The version belongs to the run that completes it, with that run's description.
    for column, value in fields.items():
        setattr(version, column, value)
    if numbering == Numbering.ON_CREATE and version.number is None:
        version.number = _take_number(artifact, stated_number)
    version.save(update_fields=[*fields, "number", "touched_at"])
    return version, False
