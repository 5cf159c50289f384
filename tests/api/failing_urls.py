"""URLs with a bug behind them."""

from django.http import HttpRequest, HttpResponse
from django.urls import path

from wanllmdb import error_views


def crash(request: HttpRequest) -> HttpResponse:
    raise ZeroDivisionError("a secret of the server")


urlpatterns = [path("api/v1/crash", crash)]
handler500 = error_views.server_error
