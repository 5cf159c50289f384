"""Every refusal of a verb becomes a page, a part or a sentence here: views have no try."""

from collections.abc import Callable

from django.http import HttpRequest, HttpResponse

from accounts import errors
from accounts.web import pages


class Refusals:
    """Middleware. DRF renders the API's own before they get here."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        return self.get_response(request)

    def process_exception(self, request: HttpRequest, exception: Exception) -> HttpResponse | None:
        return pages.refused(request, exception) if isinstance(exception, errors.RegistryError) else None
