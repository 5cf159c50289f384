"""What the site answers outside of views: a problem under /api/, a page elsewhere."""

import sys

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.template.loader import render_to_string

from api.errors import is_api, problem_response
from core import database_errors, errors
from wandb_api import errors as wandb_errors
from web import display, rendering


def bad_request(request: HttpRequest, exception: Exception) -> HttpResponse:
    return render_refusal(request, errors.Invalid("The request is not valid."))


def permission_denied(request: HttpRequest, exception: Exception) -> HttpResponse:
    return render_refusal(request, errors.Denied("You do not have permission to do this."))


def csrf_failed(request: HttpRequest, reason: str = "") -> HttpResponse:
    return render_refusal(
        request, errors.Denied("This form has expired, or comes from another site. Reload the page and try again.")
    )


def not_found(request: HttpRequest, exception: Exception) -> HttpResponse:
    if is_api(request):
        message = "There is nothing at this URL."
    else:
        kind = "File" if rendering.takes_no_page(request) else "Page"
        message = f"{kind} not found, or you don't have access."
    return render_refusal(request, errors.Missing(message))


def server_error(request: HttpRequest) -> HttpResponse:
    """What no view has answered for: a mistake of ours, or a database that middleware found busy, full or away."""
    failure = sys.exc_info()[1]
    if failure and (refusal := database_errors.refusal(failure)):
        return _unavailable(request, refusal)
    if is_api(request):
        detail = "Something went wrong on the server. Its log has the details under this request ID."
        return problem_response(request, 500, detail, "ServerError")
    if wandb_errors.is_wandb(request):
        return wandb_errors.problem_response(500, "Something went wrong on the server. Its log has the details.")
    if rendering.takes_no_page(request):
        return rendering.render_text(500, "Something went wrong on the server.")
    # Nothing that may have failed just now: no database, no context processors, no hashed names of files.
    context = {"request_id": getattr(request, "id", ""), "static": settings.STATIC_URL, "display": display.of(request)}
    return HttpResponse(render_to_string("errors/server_error.html", context), status=500)


def _unavailable(request: HttpRequest, refusal: errors.Unavailable) -> HttpResponse:
    if is_api(request):
        return problem_response(request, refusal.status, str(refusal), refusal.code)
    if wandb_errors.is_wandb(request):
        return wandb_errors.refusal_response(refusal)
    return rendering.render_unavailable(request, str(refusal))


def render_refusal(request: HttpRequest, refusal: errors.RegistryError) -> HttpResponse:
    """A refusal from outside of views: as a problem on the wire, or as a page."""
    if is_api(request):
        response = problem_response(request, refusal.status, str(refusal), refusal.code, **refusal.extra)
        if refusal.retry_after is not None:
            response["Retry-After"] = str(refusal.retry_after)
        return response
    if wandb_errors.is_wandb(request):
        return wandb_errors.refusal_response(refusal)
    return rendering.render_problem(request, refusal.status, refusal.title, str(refusal), refusal.retry_after)
