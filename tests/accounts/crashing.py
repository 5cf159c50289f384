"""Addresses with a bug behind them."""

from django.http import HttpRequest, HttpResponse
from django.urls import path

from accounts.api import problems


def crash(request: HttpRequest) -> HttpResponse:
    raise ZeroDivisionError("a secret of the server")


urlpatterns = [path("api/v1/crash", crash)]
handler500 = problems.server_error
