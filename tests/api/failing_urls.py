"""Addresses with a bug behind them."""

from django.http import HttpRequest, HttpResponse
from django.urls import path

from api import errors


def crash(request: HttpRequest) -> HttpResponse:
    raise ZeroDivisionError("a secret of the server")


urlpatterns = [path("api/v1/crash", crash)]
handler500 = errors.server_error
