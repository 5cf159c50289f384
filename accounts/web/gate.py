"""Pages are for people who have signed in, unless a view says otherwise."""

from collections.abc import Callable

from django.contrib.auth.middleware import LoginRequiredMiddleware
from django.contrib.auth.views import redirect_to_login
from django.http import HttpRequest, HttpResponse
from django.shortcuts import resolve_url

from accounts.web import pages


class Gate(LoginRequiredMiddleware):
    """Leads to the sign-in page and back. HTMX, whose session ended meanwhile, is told to leave the page for it."""

    def handle_no_permission(self, request: HttpRequest, view_func: Callable[..., HttpResponse]) -> HttpResponse:
        if not pages.wants_part(request):
            return super().handle_no_permission(request, view_func)
        back = request.htmx.current_url_abs_path or "/"
        leave = redirect_to_login(back, resolve_url(self.get_login_url(view_func)))
        return HttpResponse(status=204, headers={"HX-Redirect": leave["Location"]})
