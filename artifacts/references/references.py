"""The references of a draft: files that are recorded by their URI, beside those whose bytes are uploaded."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from django.db import transaction

from accounts.actor import Actor
from artifacts import draft_counts, draft_files, errors
from artifacts.draft_files import FileSpec
from artifacts.models import ArtifactFile, ArtifactVersion, ReferenceState
from artifacts.references import identities, uris
from core.value_lists import Among

MAX_REFERENCES_A_CALL = 10_000
_BATCH_SIZE = 2_000


@dataclass(frozen=True, slots=True)
class ReferenceSpec:
    """A reference as its client describes it: size in bytes, 0 where it is not known.

    `identity` is what the object was when it was recorded: `etag:…`, `sha256:…`, `md5:…`, `modified:…`, or empty.
    `version_id` is the object's version in its store; a URI that names it itself says the same.
    """

    path: str
    uri: str
    size: int = 0
    identity: str = ""
    version_id: str = ""
    mime_type: str = ""

    def to_file(self, version: ArtifactVersion) -> ArtifactFile:
        """The row of this reference, not saved yet."""
        return draft_files.new_file(
            version,
            self.path,
            self.size,
            self.mime_type,
            reference_uri=self.uri,
            reference_identity=self.identity,
            reference_version_id=self.version_id,
            reference_state=ReferenceState.UNCHECKED,
        )


def add(actor: Actor, version: ArtifactVersion, specs: Sequence[FileSpec | ReferenceSpec]) -> tuple[int, list[str]]:
    """Add references to a draft, and files by their sha256, as `draft_files.add` does: all of them or none.

    Returns how many were new, and which sha256 must be uploaded. The same path with the same reference again is fine,
    with another one, or a file, `PathTaken`. Raises `ReferenceRefused` for a URI that no version may refer to. Where
    very many are added while somebody else adds others, the first of them may be added before the next are refused.
    """
    specs = check_specs(specs)
    if len(list(_batches(specs))) > 1:
        draft_files.require_same(version, [spec for spec in specs if isinstance(spec, FileSpec)])
    return add_in_batches(actor, version, specs)


def add_in_batches(
    actor: Actor, version: ArtifactVersion, specs: Sequence[FileSpec | ReferenceSpec]
) -> tuple[int, list[str]]:
    """`add`, for callers that have checked the specs."""
    added, missing = 0, set()
    for batch in _batches(specs):
        with transaction.atomic():
            count, awaited = add_to_locked(actor, draft_files.lock_draft(actor, version), batch)
        added += count
        missing.update(awaited)
    return added, sorted(missing)


def _batches(specs: Sequence[FileSpec | ReferenceSpec]) -> Iterator[list[FileSpec | ReferenceSpec]]:
    """For one transaction each, the references first. One even of nothing: the draft is looked at."""
    batch: list[FileSpec | ReferenceSpec] = [spec for spec in specs if isinstance(spec, ReferenceSpec)]
    count = len(batch)
    for spec in specs:
        if isinstance(spec, ReferenceSpec):
            continue
        rows = 1 + len(spec.extents)
        if batch and count + rows > draft_files.MAX_FILES_A_TRANSACTION:
            yield batch
            batch, count = [], 0
        batch.append(spec)
        count += rows
    yield batch


def check_specs(specs: Sequence[FileSpec | ReferenceSpec]) -> list[FileSpec | ReferenceSpec]:
    """The specs as they are recorded. Raises what `draft_files.check_specs` and `check` raise."""
    draft_files.check_specs(specs)
    count = sum(isinstance(spec, ReferenceSpec) for spec in specs)
    if count > MAX_REFERENCES_A_CALL:
        raise errors.Invalid(f"One call takes at most {MAX_REFERENCES_A_CALL:,} references; this one has {count:,}.")
    return [check(spec) if isinstance(spec, ReferenceSpec) else spec for spec in specs]


def add_to_locked(
    actor: Actor, version: ArtifactVersion, specs: Sequence[FileSpec | ReferenceSpec]
) -> tuple[int, list[str]]:
    """`add`, for callers that hold the draft's lock, and have checked the permission and the specs."""
    files = [spec for spec in specs if isinstance(spec, FileSpec)]
    if len(files) == len(specs):
        return draft_files.add_to_locked(actor, version, files)
    new = _new_among(version, [spec for spec in specs if isinstance(spec, ReferenceSpec)])
    draft_files.check_total_size(version, [*new, *files])
    added, missing = draft_files.add_to_locked(actor, version, files)
    ArtifactFile.objects.bulk_create((spec.to_file(version) for spec in new), batch_size=_BATCH_SIZE)
    _count(version, new)
    return len(new) + added, missing


@transaction.atomic
def add_one(actor: Actor, version: ArtifactVersion, spec: ReferenceSpec) -> ArtifactFile:
    """Add one reference to a draft, or return the same one, which it has already. Raises as `add`."""
    [spec] = check_specs([spec])
    version = draft_files.lock_draft(actor, version)
    if _new_among(version, [spec]):
        draft_files.require_path_free(version, spec.path)
        draft_files.check_total_size(version, [spec])
        spec.to_file(version).save(force_insert=True)
        _count(version, [spec])
    return version.files.get(path=spec.path)


def _count(version: ArtifactVersion, new: Sequence[ReferenceSpec]) -> None:
    count, size = len(new), sum(spec.size for spec in new)
    draft_counts.add_to_counts(version, count, size, count, size)


def check(spec: ReferenceSpec) -> ReferenceSpec:
    """The spec as it is recorded. Raises `ReferenceRefused`, or `Invalid` for what is said about the object."""
    try:
        location = uris.check_reference(spec.uri)
    except errors.ReferenceRefused as refusal:
        raise errors.ReferenceRefused(f"{spec.path!r}: {refusal}", paths=[spec.path]) from refusal
    version_id = spec.version_id or location.version_id
    if location.version_id not in ("", version_id):
        raise errors.Invalid(f"The URI of {spec.path!r} asks for another version of the object than version_id.")
    if not 0 <= spec.size <= identities.MAX_SIZE:
        raise errors.Invalid(f"The size of {spec.path!r} is not a number of bytes from 0 to 1 PiB.")
    if not identities.is_version_id(version_id):
        raise errors.Invalid(f"The version_id of {spec.path!r} is not that of an object.")
    if not identities.is_identity(spec.identity):
        kinds = "etag:, sha256:, md5: or modified:"
        raise errors.Invalid(f"The identity of {spec.path!r} is not one of {kinds}, followed by its value.")
    if spec.identity and location.provider == uris.Provider.OTHER:
        message = f"A reference of the scheme {location.scheme}:// has no identity: nobody could check it."
        raise errors.ReferenceRefused(message)
    return replace(spec, uri=location.uri, version_id=version_id)


def _new_among(version: ArtifactVersion, specs: Sequence[ReferenceSpec]) -> list[ReferenceSpec]:
    """The specs that are new to the draft. Those that it has get the URI as it is now, whose signature is fresher."""
    rows = version.files.filter(Among("path", [spec.path for spec in specs]))
    files = {file.path: file for file in rows} if version.file_count else {}
    new, renewed = [], []
    for spec in specs:
        file = files.get(spec.path)
        if file is None:
            new.append(spec)
        elif not _is_same(file, spec):
            raise errors.PathTaken(f"The draft already has other contents at {file.path!r}.", paths=[file.path])
        elif file.reference_uri != spec.uri:
            file.reference_uri = spec.uri
            renewed.append(file)
    ArtifactFile.objects.bulk_update(renewed, ["reference_uri"], batch_size=500)
    return new


def _is_same(file: ArtifactFile, spec: ReferenceSpec) -> bool:
    if file.reference_uri is None or uris.without_secrets(file.reference_uri) != uris.without_secrets(spec.uri):
        return False
    recorded = (file.size, file.reference_identity, file.reference_version_id)
    stated = (spec.size, spec.identity, spec.version_id)
    # What states nothing of the object stays right once a worker has recorded what it is.
    return stated == recorded or (stated == (0, "", "") and bool(file.reference_identity))
