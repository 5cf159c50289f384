"""The URLs of the official `wandb` client. Each authenticates by itself, and answers errors as JSON."""

from collections.abc import Callable
from uuid import UUID

from django.contrib.auth.decorators import login_not_required
from django.http import HttpRequest, HttpResponse, HttpResponseBase, JsonResponse, StreamingHttpResponse
from django.shortcuts import redirect
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_POST, require_safe

from artifacts import md5_hashes
from artifacts.content import downloads as content_downloads
from artifacts.models import ArtifactVersion
from core import errors, request_bodies
from core.client_ip import client_ip
from wandb_api import downloads, execution, file_stream, manifest_documents
from wandb_api.authentication import context_of
from wandb_api.context import Context
from wandb_api.errors import problem_response, refusal_response

_NOT_CACHED = {"Cache-Control": "private, no-store"}


@csrf_exempt
@login_not_required
@require_POST
def graphql(request: HttpRequest) -> HttpResponse:
    """One operation of the schema."""
    context = context_of(request)
    try:
        body = request_bodies.read(request, request)
        request_bodies.require_few_values(body)
        answer = execution.execute(context, request_bodies.parse_json(body))
    except errors.RegistryError as refusal:
        return refusal_response(refusal)
    if answer.status in (401, 503):
        return problem_response(answer.status, answer.body["errors"][0]["message"], answer.retry_after)
    return JsonResponse(answer.body, status=answer.status)


@csrf_exempt
@login_not_required
@require_POST
def stream_files(request: HttpRequest, entity: str, project: str, run: str) -> HttpResponse:
    """What the process of a run tells while it runs."""
    context = context_of(request)
    if context.caller is None:
        return problem_response(401, execution.SIGN_IN)
    try:
        context.require_write()
        found = file_stream.find_run(context, f"{entity}/{project}", run)
        return JsonResponse(file_stream.receive(context.actor, found, file_stream.read_body(request)))
    except errors.RegistryError as refusal:
        return refusal_response(refusal)


@login_not_required
@require_safe
def manifest(request: HttpRequest, version_id: UUID) -> HttpResponseBase:
    """The manifest of a version, for whoever has its signed URL."""
    try:
        manifest_documents.check_signature(str(version_id), request.GET.get("signature", ""))
        version = ArtifactVersion.objects.finalized().filter(pk=version_id).first()
        if version is None:
            raise errors.Missing("The version was deleted.")
        md5_hashes.require(version)
        chunks = manifest_documents.write(version)
        if manifest_documents.is_large(version):
            chunks = content_downloads.stream(client_ip(request.META) or "", chunks)
            return StreamingHttpResponse(chunks, content_type="application/json", headers=_NOT_CACHED)
        return HttpResponse(b"".join(chunks), content_type="application/json", headers=_NOT_CACHED)
    except errors.RegistryError as refusal:
        return refusal_response(refusal)


@login_not_required
@require_safe
def file_in_collection(request: HttpRequest, md5: str, **names: str | None) -> HttpResponse:
    """Lead to a file of a collection by its md5."""
    return _redirect(request, lambda context: downloads.url_in_collection(context, md5=md5, **names))


@login_not_required
@require_safe
def file_in_entity(request: HttpRequest, entity: str, md5: str, birth_id: str | None = None) -> HttpResponse:
    """Lead to a file by its md5, as clients up to 0.21 ask."""
    return _redirect(request, lambda context: downloads.url_in_entity(context, entity, md5, birth_id))


def _redirect(request: HttpRequest, find: Callable[[Context], str]) -> HttpResponse:
    context = context_of(request)
    if context.caller is None:
        return problem_response(401, execution.SIGN_IN)
    try:
        return redirect(find(context))
    except errors.Conflict as refusal:
        # Such as bytes that are corrupt. On 409 the client asks again for 20 minutes.
        return problem_response(404, str(refusal))
    except errors.RegistryError as refusal:
        return refusal_response(refusal)


@login_not_required
@require_safe
def ready(request: HttpRequest) -> HttpResponse:
    """What W&B's own test tooling waits for."""
    return HttpResponse("ok", content_type="text/plain")


@csrf_exempt
@login_not_required
@require_POST
def telemetry(request: HttpRequest, kind: str) -> HttpResponse:
    """The client's telemetry of itself, of which nothing is kept."""
    return HttpResponse(status=204)


@require_safe
def authorize(request: HttpRequest) -> HttpResponse:
    """Where `wandb login` sends people for a key."""
    return redirect("profile")
