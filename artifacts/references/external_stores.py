"""External stores: the places outside that a team's references may be read from by signed URLs of this server.

A store covers what lies under its prefix; of several, the one with the longest prefix counts. Whoever may read a
version gets signed URLs of its references: that is the point of a store, and why only admins of the team make one.
"""

import logging
import re
from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple, Self, TypeVar
from urllib.parse import urlsplit
from uuid import UUID

from django.conf import settings
from django.db import transaction
from django.db.models import OuterRef, QuerySet, TextField, Value
from django.db.models.functions import Coalesce, Concat

from accounts import permissions
from accounts.actor import Actor
from accounts.models import Role, Team
from artifacts import errors
from artifacts.models import ArtifactFile, ArtifactVersion, ExternalStore, ReadsAs
from artifacts.references import credentials, presigned_urls, uris
from artifacts.references.credentials import Credentials
from artifacts.references.presigned_urls import StoredAt
from artifacts.references.uris import Location, Provider
from core import encryption, row_limits, url_policy
from core.compiled_queries import StringAgg
from core.url_policy import Policy

_logger = logging.getLogger(__name__)
_REGION = re.compile(r"[a-z0-9-]{0,64}")
_ACCOUNT = re.compile(r"[a-z0-9]{3,24}")
# What decides where credentials are used: with another one of these they are asked for anew.
_LOCATION = ("endpoint", "account")
Key = TypeVar("Key")


class Coverage(NamedTuple):
    """What the store of this name covers: all under its prefix, of Azure in its account."""

    name: str
    provider: Provider
    bucket: str
    key_prefix: str
    account: str

    @classmethod
    def of(cls, name: str, prefix: str, account: str) -> Self:
        return cls(name, *_split(prefix), account)

    def covers(self, location: Location) -> bool:
        if (location.provider, location.bucket) != (self.provider, self.bucket):
            return False
        if location.account and location.account != self.account:
            return False
        return not self.key_prefix or location.key == self.key_prefix or location.key.startswith(f"{self.key_prefix}/")


class Access(NamedTuple):
    """A store with its credentials, decrypted; without any it is public. `problem` says why it cannot be read."""

    store: ExternalStore
    coverage: Coverage
    credentials: Credentials | None
    problem: str

    def stored(self, key: str, version_id: str = "") -> StoredAt:
        store, (_, provider, bucket, _, account) = self.store, self.coverage
        return StoredAt(provider, bucket, key, store.endpoint, store.region, account, version_id)

    def policy_of(self, url: str) -> Policy:
        """Under which policy the server calls the URL: an operator's endpoint is trusted, whatever network it is in."""
        if self.store.is_operated and _origin(url) == _origin(self.store.endpoint):
            return url_policy.anywhere()
        return url_policy.for_references()


@transaction.atomic
def create(
    actor: Actor,
    team: Team,
    *,
    name: str,
    prefix: str,
    reads_as: str = ReadsAs.STORE,
    given: Mapping[str, Any] | None = None,
    endpoint: str = "",
    region: str = "",
    account: str = "",
) -> ExternalStore:
    """A new store of the team, for its admins. `given` are the credentials, as `credentials.parse` takes them.

    Only operators make one that reads with the server's own credentials, or whose endpoint is in a private network.
    Raises `Invalid`, `AddressRefused`, `Denied`, `NameTaken`, `TooManyStores`.
    """
    permissions.require(actor, team, Role.ADMIN)
    limit = settings.EXTERNAL_STORES_A_TEAM
    refusal = errors.TooManyStores(f"A team has at most {limit} external stores.")
    row_limits.require_room(team, team.external_stores.all(), limit, refusal)
    store = ExternalStore(team=team, created_by=actor.user, is_operated=is_operator(actor))
    store.name, store.prefix, store.endpoint = name.strip(), prefix.strip().rstrip("/"), endpoint.strip().rstrip("/")
    store.region, store.account = region.strip(), account.strip()
    _check(store, is_moved=True)
    _set_credentials(actor, store, reads_as, given or {})
    return _save(store, force_insert=True)


def update(actor: Actor, store: ExternalStore, **changes: Any) -> ExternalStore:
    """Change what `create` takes; credentials stay unless others are given. Raises what `create` raises.

    Credentials are asked for anew where endpoint, account, or the bucket of the prefix become others.
    """
    permissions.require(actor, store.team, Role.ADMIN)
    if store.is_operated and not is_operator(actor):
        raise errors.Denied("An operator of this server made this store: ask one to change it.")
    reads_as, given = changes.pop("reads_as", None) or store.reads_as, changes.pop("given", None) or {}
    before = _split(store.prefix)[:2], *(getattr(store, column) for column in _LOCATION)
    for column, value in changes.items():
        value = value.strip()
        setattr(store, column, value.rstrip("/") if column in ("prefix", "endpoint") else value)
    is_moved = before != (_split(store.prefix)[:2], *(getattr(store, column) for column in _LOCATION))
    # What an operator made private, or reads with the server's credentials, is theirs from then on.
    store.is_operated |= is_operator(actor) and (is_moved or reads_as == ReadsAs.SERVER)
    _check(store, is_moved=is_moved)
    if is_moved and reads_as == ReadsAs.STORE and not _is_any_given(given):
        raise errors.Invalid("With another endpoint, account or bucket, enter the credentials again.")
    if given or is_moved or reads_as != store.reads_as:
        _set_credentials(actor, store, reads_as, given)
    return _save(store)


def delete(actor: Actor, store: ExternalStore) -> None:
    """Remove it with its credentials. What lies in it stays, and so do the references."""
    permissions.require(actor, store.team, Role.ADMIN)
    store.delete()


def is_operator(actor: Actor) -> bool:
    """Whether they run this server: staff in Django admin, and superusers wherever they are."""
    return actor.is_staff or (actor.user is not None and actor.user.is_superuser)


def renew_encryption() -> tuple[int, int]:
    """Encrypt all credentials under the current `SECRET_KEY`. How many that were, and how many cannot be decrypted."""
    renewed = failed = 0
    rows = ExternalStore.objects.exclude(encrypted_credentials="").values_list("pk", "encrypted_credentials")
    for pk, before in rows.iterator():
        try:
            after = encryption.renew(before)
        except encryption.Undecryptable:
            failed += 1
        else:
            # Credentials that were replaced meanwhile are encrypted under the current key already.
            ExternalStore.objects.filter(pk=pk, encrypted_credentials=before).update(encrypted_credentials=after)
            renewed += 1
    return renewed, failed


def accesses(team_id: UUID) -> list[Access]:
    """The team's stores, those with the longest prefix first. One query."""
    stores = ExternalStore.objects.filter(team=team_id)
    return [access(store) for store in sorted(stores, key=lambda store: -len(store.prefix))]


def access(store: ExternalStore) -> Access:
    coverage = Coverage.of(store.name, store.prefix, store.account)
    found, problem = None, ""
    try:
        if store.uses_server_credentials:
            found = credentials.of_server(coverage.provider, store.account)
        elif store.encrypted_credentials:
            found = credentials.decrypt(store.encrypted_credentials)
    except (errors.RegistryError, encryption.Undecryptable) as error:
        problem = str(error)
    return Access(store, coverage, found, problem)


def access_for(accesses: Iterable[Access], location: Location) -> Access | None:
    """The one that covers it, of the team's in the order of `accesses`."""
    return next((access for access in accesses if access.coverage.covers(location)), None)


def annotate(versions: QuerySet[ArtifactVersion]) -> QuerySet[ArtifactVersion]:
    """Each with the `external_stores` of its team as a text, for `coverages`."""
    team = Coalesce("linked_version__artifact__project__team", "artifact__project__team")
    versions = versions.alias(team_of_files=team)
    stores = ExternalStore.objects.filter(team=OuterRef("team_of_files")).order_by("name")
    line = Concat("name", Value("\t"), "prefix", Value("\t"), "account", output_field=TextField())
    return versions.annotate(external_stores=StringAgg(stores.annotate(line_of_store=line), "line_of_store"))


def coverages(version: ArtifactVersion) -> list[Coverage]:
    """What the stores of the team cover, those with the longest prefix first. Of a version with `annotate`."""
    found = [Coverage.of(*line.split("\t")) for line in version.external_stores.split("\n") if line]
    return sorted(found, key=lambda coverage: -len(coverage.key_prefix))


class Reference(NamedTuple):
    """What a file refers to, and the name that it is downloaded by."""

    uri: str
    version_id: str
    file_name: str


def signed_url(file: ArtifactFile) -> str | None:
    """A URL that reads what the file refers to, as `sign_references` makes it. Its version's project is loaded."""
    if file.reference_uri is None:
        return None
    reference = Reference(file.reference_uri, file.reference_version_id or "", file.name)
    return sign_references(team_of(file.version), {file.pk: reference}).get(file.pk)


def team_of(version: ArtifactVersion) -> UUID:
    """The team by whose stores the references of a version are read, also through a link: its own, or its source's.

    One query for a link; of another version artifact and project are loaded.
    """
    if not version.is_link:
        return version.artifact.project.team_id
    return ArtifactVersion.objects.values_list("artifact__project__team", flat=True).get(pk=version.contents_id)


def sign_references(team_id: UUID, references: Mapping[Key, Reference]) -> dict[Key, str]:
    """URLs that read these objects for an hour, of those under a store of the team.

    For who may read their versions, which the caller has decided. Each reads the recorded version of the object. One
    query, and no request.
    """
    urls: dict[Key, str] = {}
    problems: dict[UUID, str] = {}
    stores = accesses(team_id)
    for key, reference in references.items() if stores else ():
        try:
            location = uris.parse(reference.uri)
        except errors.ReferenceRefused:
            # Recorded before URIs were judged.
            continue
        access = access_for(stores, location)
        if access is None:
            continue
        if access.problem:
            problems[access.store.pk] = access.problem
            continue
        stored = access.stored(location.key, reference.version_id or location.version_id)
        urls[key] = presigned_urls.read_url(stored, access.credentials, file_name=reference.file_name)
    for pk, problem in problems.items():
        _logger.warning("External store %s cannot be read: %s", pk, problem)
    return urls


def _check(store: ExternalStore, *, is_moved: bool) -> None:
    """`is_moved`: its endpoint may be another than the one that was judged before."""
    errors.check(store)
    if not store.name or not store.name.isprintable():
        raise errors.Invalid("Enter a name without control characters.", errors={"name": ["Enter a name."]})
    provider = _split(store.prefix)[0]
    # As if it were the folder of an object.
    uris.parse(f"{store.prefix}/object")
    if not _REGION.fullmatch(store.region):
        raise errors.Invalid("The region has small letters, digits and hyphens, such as eu-central-1.")
    if (provider == Provider.AZURE) != bool(store.account) or (store.account and not _ACCOUNT.fullmatch(store.account)):
        raise errors.Invalid("For az:// enter the storage account, 3 to 24 small letters and digits; for others none.")
    if store.endpoint and is_moved:
        _check_endpoint(store)
    if _is_own_bucket(store):
        # With credentials that read it, one team would read what all others have logged.
        raise errors.Invalid("In this bucket the registry keeps its own objects: choose another one.")


def _is_own_bucket(store: ExternalStore) -> bool:
    provider, bucket, _ = _split(store.prefix)
    if (provider, bucket) != (Provider.S3, settings.STORAGES["artifacts"]["OPTIONS"]["bucket_name"]):
        return False
    own = {_origin(settings.S3_ENDPOINT_URL), _origin(settings.S3_PUBLIC_ENDPOINT_URL)}
    # All endpoints of AWS lead to the same buckets.
    is_aws = any(_is_aws(host) for _, host, _ in own) and (not store.endpoint or _is_aws(_origin(store.endpoint)[1]))
    return is_aws or _origin(store.endpoint) in own


def _is_aws(host: str) -> bool:
    return host.endswith((".amazonaws.com", ".amazonaws.com.cn"))


def _check_endpoint(store: ExternalStore) -> None:
    if any(mark in store.endpoint for mark in "?#"):
        raise errors.Invalid("The endpoint is a URL without query, such as https://minio.example.org.")
    if store.is_operated:
        url_policy.check_url(store.endpoint)
    else:
        url_policy.find(store.endpoint, url_policy.for_references())


def _set_credentials(actor: Actor, store: ExternalStore, reads_as: str, given: Mapping[str, Any]) -> None:
    provider = _split(store.prefix)[0]
    if reads_as not in ReadsAs.values:
        raise errors.Invalid(f"Choose one of {', '.join(ReadsAs.values)}.")
    if reads_as == ReadsAs.SERVER and not is_operator(actor):
        raise errors.Denied("Only operators of this server make stores that use its own credentials.")
    if reads_as != ReadsAs.STORE and _is_any_given(given):
        raise errors.Invalid("Leave the credentials empty, or choose that the store is read with them.")
    store.uses_server_credentials = reads_as == ReadsAs.SERVER
    store.encrypted_credentials = (
        credentials.encrypt(credentials.parse(provider, given)) if reads_as == ReadsAs.STORE else ""
    )


def _is_any_given(credentials: Mapping[str, Any]) -> bool:
    return any(value not in (None, "") for value in credentials.values())


def _split(prefix: str) -> tuple[Provider, str, str]:
    """Kind, bucket and folder. Raises `Invalid` for what is none of the three kinds."""
    scheme, mark, rest = prefix.partition("://")
    bucket, _, key_prefix = rest.partition("/")
    if not mark or scheme not in ("s3", "gs", "az") or not bucket:
        raise errors.Invalid("The prefix is s3://bucket, gs://bucket or az://container, and may have a folder.")
    return Provider(scheme), bucket, key_prefix


def _save(store: ExternalStore, **how: Any) -> ExternalStore:
    name_taken = errors.NameTaken(f"The team has an external store named {store.name!r} already.")
    prefix_taken = errors.NameTaken(f"The team has an external store for {store.prefix} already.")
    with errors.refuse(external_store_name_unique=name_taken, external_store_prefix_unique=prefix_taken):
        store.save(**how)
    return store


def _origin(url: str) -> tuple[str, str, int | None]:
    parts = urlsplit(url)
    try:
        port = parts.port or {"http": 80, "https": 443}.get(parts.scheme)
    except ValueError:
        # A redirect may lead to what is no number; no endpoint has such a port.
        port = None
    return parts.scheme, parts.hostname or "", port
