"""The URLs of the official `wandb` client. Each authenticates by itself, and answers errors as JSON."""

from django.contrib.auth.decorators import login_not_required
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import redirect
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_POST, require_safe

from core import errors, request_bodies
from wandb_api import execution
from wandb_api.authentication import context_of
from wandb_api.errors import problem_response, refusal_response


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


@login_not_required
@require_safe
def ready(request: HttpRequest) -> HttpResponse:
    """What W&B's own test tooling waits for."""
    return HttpResponse("ok", content_type="text/plain")


@csrf_exempt
@login_not_required
@require_POST
def telemetry(request: HttpRequest) -> HttpResponse:
    """The client's telemetry of itself, of which nothing is kept."""
    return HttpResponse(status=204)


@require_safe
def authorize(request: HttpRequest) -> HttpResponse:
    """Where `wandb login` sends people for a key."""
    return redirect("profile")
