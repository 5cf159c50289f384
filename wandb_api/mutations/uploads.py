"""How clients log an artifact: a version is begun, its files and its manifest are sent, it is committed."""

from collections.abc import Iterable, Sequence
from datetime import timedelta
from typing import Any

from django.core.exceptions import ValidationError
from graphql import GraphQLResolveInfo

from artifacts import artifacts, errors, manifest_drafts, validators
from artifacts.content import manifest_uploads, md5_uploads
from artifacts.models import Artifact, ArtifactVersion, ClientId, ManifestUpload
from artifacts.storage import SignedPut
from core.validators import validate_json_object
from projects import projects
from projects.models import Project, Run
from wandb_api import ids, manifest_reader
from wandb_api.resolvers import Resolvers

query = Resolvers("Query")
mutation = Resolvers("Mutation")

_MD5 = "MANIFEST_MD5"
_MAX_METADATA_KEYS = 100
# A TTL that is inherited, which none is, and none at all.
_NO_TTL = (-1, -2)
# More than a TTL can be, and no more than Python counts.
_MAX_SECONDS = 10**10


@mutation
def create_artifact_type(root: Any, info: GraphQLResolveInfo, input: dict[str, Any]) -> dict[str, Any]:
    """Nothing is kept of a type that no artifact has."""
    project = _find_project(info, input)
    fields = {"id": ids.encode("ArtifactType", f"{project.pk}:{input['name']}"), "name": input["name"]}
    return {"artifact_type": fields | {"description": None, "created_at": project.created_at, "project": project}}


@mutation
def create_artifact(root: Any, info: GraphQLResolveInfo, input: dict[str, Any]) -> dict[str, Any]:
    """Begin a version, or find the one that has the contents already."""
    actor = info.context.actor
    if input["digest_algorithm"] != _MD5:
        raise errors.Invalid(f"This server knows digests of {_MD5} alone.")
    if input.get("storage_region") not in (None, "", "default"):
        raise errors.Invalid(f"There is no storage region {input['storage_region']!r}: leave it out.")
    full_name = info.context.full_name(input["entity_name"], input["project_name"])
    project = projects.get_or_create(actor, full_name)
    described = _describe(project, input)
    begun = manifest_drafts.begin(
        actor,
        _find_artifact(info, project, input),
        input["digest"],
        described,
        aliases=[one["alias"] for one in input.get("aliases") or ()],
        tags=[one["tag_name"] for one in input.get("tags") or ()],
        client_id=input.get("client_id") or "",
        artifact_client_id=input.get("sequence_client_id") or "",
        distributed_id=input.get("distributed_id") or "",
        deduplicate=bool(input.get("enable_digest_deduplication")),
    )
    return {"artifact": begun.version}


@mutation
def create_artifact_manifest(root: Any, info: GraphQLResolveInfo, input: dict[str, Any]) -> dict[str, Any]:
    """A manifest of the draft; with its digest, a URL to send it to."""
    version = _find_version(info, input["artifact_id"])
    kind = ManifestUpload.Kind[input.get("type") or "FULL"]
    md5 = _md5_of(input["digest"], input["name"])
    base = _find_base(info, input.get("base_artifact_id"))
    return _manifest(manifest_uploads.begin(info.context.actor, version, kind, md5=md5, base=base))


@mutation
def update_artifact_manifest(root: Any, info: GraphQLResolveInfo, input: dict[str, Any]) -> dict[str, Any]:
    """Say the digest of a manifest, for a URL to send it to."""
    versions = ArtifactVersion.objects.visible_to(info.context.user)
    visible = ManifestUpload.objects.filter(version__in=versions).select_related("version__artifact", "object")
    manifest = ids.find(visible, "ArtifactManifest", input["artifact_manifest_id"])
    if manifest is None:
        raise errors.Missing("The manifest was not found: its version was committed, given up, or you have no access.")
    md5 = _md5_of(input.get("digest") or "", "the manifest")
    if not md5:
        return _manifest(manifest)
    base = _find_base(info, input.get("base_artifact_id"))
    return _manifest(manifest_uploads.state_md5(info.context.actor, manifest, md5, base=base))


@mutation
def create_artifact_files(root: Any, info: GraphQLResolveInfo, input: dict[str, Any]) -> dict[str, Any]:
    """URLs to send files to, in the order and number of the input; none where the bytes are there."""
    files = input["artifact_files"]
    versions = {file["artifact_id"] for file in files}
    if len(versions) > 1:
        raise errors.Invalid("All files of one call belong to one version.")
    if not files:
        return {"files": _connection([])}
    version = _find_version(info, files[0]["artifact_id"])
    uploads = md5_uploads.begin(info.context.actor, version, [_file_request(file) for file in files])
    nodes = [_file(version, file["name"], upload) for file, upload in zip(files, uploads, strict=True)]
    return {"files": _connection(nodes)}


@mutation
def complete_multipart_upload_artifact(root: Any, info: GraphQLResolveInfo, input: dict[str, Any]) -> dict[str, Any]:
    """Make one object of the parts that were sent."""
    version = _find_version(info, input["artifact_id"])
    etags = {part["part_number"]: part["hex_md5"].strip('"') for part in input["completed_parts"]}
    md5_uploads.complete(info.context.actor, version, input["storage_path"], input["upload_id"], etags)
    return {"digest": None}


@mutation
def commit_artifact(root: Any, info: GraphQLResolveInfo, input: dict[str, Any]) -> dict[str, Any]:
    """Make the draft a version."""
    version = _find_version(info, input["artifact_id"])
    return {"artifact": manifest_drafts.commit(info.context.actor, version, manifest_reader.read)}


@query(name="client_id_mapping")
def find_by_client_id(root: Any, info: GraphQLResolveInfo, client_id: str) -> dict[str, Any] | None:
    """The version that a client called so; None where the caller sees none."""
    visible = ArtifactVersion.objects.visible_to(info.context.user)
    known = ClientId.objects.filter(value=client_id).select_related("version").first()
    if known is None or known.version is None:
        return None
    pk = known.version.superseded_by_id or known.version.pk
    return {"server_id": ids.encode("Artifact", pk)} if visible.filter(pk=pk).exists() else None


def _find_project(info: GraphQLResolveInfo, input: dict[str, Any]) -> Project:
    full_name = info.context.full_name(input["entity_name"], input["project_name"])
    return projects.get(info.context.actor, full_name)


def _find_artifact(info: GraphQLResolveInfo, project: Project, input: dict[str, Any]) -> Artifact:
    """The artifact of that name, made if there is none. Raises `TypeDiffers`."""
    name = input.get("artifact_collection_name") or next(iter(input.get("artifact_collection_names") or ()), "")
    type = input["artifact_type_name"]
    artifact = Artifact.objects.named(project, name)
    if artifact is None:
        try:
            artifact = artifacts.create(info.context.actor, project, name, type, first_number=0)
        except errors.NameTaken:
            # By somebody who logs to it at this moment.
            artifact = Artifact.objects.named(project, name)
            if artifact is None:
                raise
    if artifact.type != type:
        message = f"Artifact {name!r} has the type {artifact.type!r}, not {type!r}: use another name, or that type."
        raise errors.TypeDiffers(message)
    artifact.project = project
    return artifact


def _find_version(info: GraphQLResolveInfo, id: str) -> ArtifactVersion:
    """The version of that id; of a draft that gave way to one of the same contents, that one. Raises `Missing`."""
    rows = ArtifactVersion.objects.visible_to(info.context.user).select_related("artifact__project__team")
    version = ids.find(rows, "Artifact", id)
    if version is None and (key := ids.decode("Artifact", id)):
        gave_way = ArtifactVersion.objects.filter(pk=key, state=ArtifactVersion.State.DELETED)
        version = rows.filter(pk__in=gave_way.values("superseded_by")).first()
    if version is None:
        raise errors.VersionNotFound("The version was not found: it was deleted, given up, or you have no access.")
    return version


def _find_base(info: GraphQLResolveInfo, id: str | None) -> ArtifactVersion | None:
    return _find_version(info, id) if id else None


def _describe(project: Project, input: dict[str, Any]) -> manifest_drafts.Description:
    metadata = input.get("metadata") or {}
    try:
        validate_json_object(metadata)
    except ValidationError as error:
        raise errors.Invalid(f"The metadata are not allowed: {'; '.join(error.messages)}") from error
    if len(metadata) > _MAX_METADATA_KEYS:
        raise errors.Invalid(f"The metadata have at most {_MAX_METADATA_KEYS} keys.")
    return manifest_drafts.Description(
        run=_find_run(project, input.get("run_name")),
        description=input.get("description") or "",
        metadata=metadata,
        ttl=_ttl(input.get("ttl_duration_seconds")),
        history_step=input.get("history_step"),
    )


def _find_run(project: Project, name: str | None) -> Run | None:
    if not name:
        return None
    run = Run.objects.filter(project=project, name=name).first()
    if run is None:
        raise errors.Missing(f"Project {project.full_name!r} has no run {name!r}.")
    return run


def _ttl(seconds: int | None) -> timedelta | None:
    if seconds is None or seconds in _NO_TTL:
        return None
    return validators.check_ttl(timedelta(seconds=max(0, min(seconds, _MAX_SECONDS))))


def _md5_of(digest: str, name: str) -> str:
    return manifest_reader.md5_in_hex(digest, name) if digest else ""


def _file_request(file: dict[str, Any]) -> md5_uploads.FileRequest:
    parts = tuple(
        md5_uploads.PartRequest(part["part_number"], part["hex_md5"]) for part in file.get("upload_parts_input") or ()
    )
    md5 = manifest_reader.md5_in_hex(file["md5"], file["name"])
    return md5_uploads.FileRequest(file["name"], md5, file.get("mimetype") or "", parts)


def _manifest(manifest: ManifestUpload) -> dict[str, Any]:
    put = manifest_uploads.sign(manifest)
    id = ids.encode("ArtifactManifest", manifest.pk)
    return {"artifact_manifest": {"id": id, "file": {"id": id} | _sent_to("wandb_manifest.json", put)}}


def _file(version: ArtifactVersion, name: str, upload: md5_uploads.Upload) -> dict[str, Any]:
    fields = {"id": ids.encode("ArtifactFile", f"{version.pk}:{name}"), "storage_path": upload.storage_path}
    fields |= {"artifact": ArtifactVersion(pk=upload.version)}
    if not upload.parts:
        return fields | _sent_to(name, upload.put)
    parts = [{"part_number": part.number, "upload_url": part.put.url} for part in upload.parts]
    multipart = {"upload_id": upload.upload_id, "upload_url_parts": parts}
    # The first part's, which says nothing of the others: clients that send parts take the URLs beside it.
    return fields | _sent_to(name, upload.parts[0].put) | {"upload_headers": [], "upload_multipart_urls": multipart}


def _sent_to(name: str, put: SignedPut | None) -> dict[str, Any]:
    """What the schema wants of a file that is to be sent: it cannot be read yet."""
    url, headers = (put.url, put.headers) if put else (None, {})
    lines = [f"{name}:{value}" for name, value in headers.items()]
    names = {"name": name, "display_name": name}
    return names | {"upload_url": url, "upload_headers": lines, "direct_url": "", "size_bytes": 0}


def _connection(nodes: Sequence[dict[str, Any]]) -> dict[str, Any]:
    edges: Iterable[dict[str, Any]] = [{"node": node, "cursor": None} for node in nodes]
    page = {"has_next_page": False, "end_cursor": None}
    return {"edges": edges, "page_info": page, "total_count": len(nodes), "upload_headers": []}
