"""Errors beside GraphQL: JSON that every client reads."""

from django.http import HttpRequest, JsonResponse

from core import errors

# What these URLs begin with, in lower case.
_PREFIXES = ("/files/", "/artifactsv2/", "/sdk/")


def is_wandb(request: HttpRequest) -> bool:
    """Whether a request is for one of this face's URLs."""
    path = request.path_info.lower()
    # A team may be called `graphql-fans`: its pages are none of them.
    return path == "/graphql" or path.startswith(_PREFIXES)


def problem_response(status: int, message: str, retry_after: int | None = None) -> JsonResponse:
    """An error: as GraphQL has it, and as the rest reads it."""
    headers = {} if retry_after is None else {"Retry-After": str(retry_after)}
    if status == 401:
        headers["WWW-Authenticate"] = 'Basic realm="wanLLMDB"'
    return JsonResponse({"errors": [{"message": message}], "error": message}, status=status, headers=headers)


def refusal_response(refusal: errors.RegistryError) -> JsonResponse:
    return problem_response(refusal.status, str(refusal), refusal.retry_after)
