"""Versions with references into real places, the external stores that cover them, and workers that check them."""

from collections.abc import Mapping
from typing import Any

from accounts.actor import Actor
from accounts.models import Team, User
from artifacts import versions
from artifacts.models import Artifact, ArtifactFile, ArtifactVersion, ExternalStore
from artifacts.references import checks, drift, external_stores, references
from artifacts.references.references import ReferenceSpec
from harness import reference_servers
from harness.reference_servers import AZURE_ACCOUNT, AZURE_KEY, Bucket
from tests.artifacts.client import md5

KEYS = ("access_key_id", "secret_access_key")


def credentials_of(bucket: Bucket) -> dict[str, str]:
    """Of a bucket of the session's object store."""
    return dict(zip(KEYS, (bucket.env["AWS_ACCESS_KEY_ID"], bucket.env["AWS_SECRET_ACCESS_KEY"]), strict=True))


def s3_store(user: User, team: Team, bucket: Bucket, **more: Any) -> ExternalStore:
    """An external store of the team that covers the bucket."""
    options: dict[str, Any] = {"name": bucket.uri, "prefix": bucket.uri, "given": credentials_of(bucket)}
    options |= {"endpoint": bucket.env["AWS_ENDPOINT_URL_S3"]} | more
    return external_stores.create(Actor(user), team, **options)


def azure_store(user: User, team: Team, bucket: Bucket, **more: Any) -> ExternalStore:
    options: dict[str, Any] = {"name": bucket.uri, "prefix": bucket.uri, "account": AZURE_ACCOUNT}
    options |= {"given": {"account_key": AZURE_KEY}, "endpoint": reference_servers.azurite().url} | more
    return external_stores.create(Actor(user), team, **options)


def gcs_store(user: User, team: Team, bucket: Bucket, **more: Any) -> ExternalStore:
    """Its server takes any key."""
    options: dict[str, Any] = {"name": bucket.uri, "prefix": bucket.uri, "given": dict.fromkeys(KEYS, "any")}
    options |= {"endpoint": reference_servers.gcs().url} | more
    return external_stores.create(Actor(user), team, **options)


def refer(user: User, artifact: Artifact, uris: Mapping[str, str], **columns: Any) -> ArtifactVersion:
    """A finalized version of references, by paths; `columns` are the same of all."""
    specs = [ReferenceSpec(path, uri, **columns) for path, uri in uris.items()]
    return log_references(user, artifact, *specs)


def log_references(user: User, artifact: Artifact, *specs: ReferenceSpec) -> ArtifactVersion:
    version = versions.begin(Actor(user), artifact).version
    references.add(Actor(user), version, specs)
    return versions.finalize(Actor(user), version).version


def work() -> None:
    """The workers' turn: whatever waits to be checked is, when this returns."""
    while drift.check_next():
        pass


def states(version: ArtifactVersion) -> dict[str, str]:
    return dict(ArtifactFile.objects.filter(version=version).values_list("path", "reference_state"))


def reason(version: ArtifactVersion, path: str) -> str | None:
    return ArtifactFile.objects.get(version=version, path=path).reference_reason


def check(user: User, version: ArtifactVersion) -> ArtifactVersion:
    """Request a check, have it done, and look at the version again."""
    checks.request(Actor(user), version)
    work()
    version.refresh_from_db()
    return version


def etag(body: bytes) -> str:
    return f"etag:{md5(body)}"
