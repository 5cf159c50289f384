"""Signing in, and signing up by invitation."""

from typing import Any

from django.contrib.auth import login
from django.contrib.auth import views as auth
from django.contrib.auth.decorators import login_not_required
from django.http import HttpRequest, HttpResponse
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods

from accounts import invitations, known_devices
from accounts.actor import Actor
from web import rendering
from web.accounts.forms import SignInForm, SignUpForm


class SignIn(auth.LoginView):
    template_name = "accounts/sign_in.html"
    form_class = SignInForm
    redirect_authenticated_user = True

    def get_redirect_url(self) -> str:
        """The URL `next`, if that is a page of ours, and not this one again."""
        url = super().get_redirect_url()
        return "" if url.partition("?")[0] == self.request.path else url

    def form_valid(self, form: SignInForm) -> HttpResponse:
        response = super().form_valid(form)
        known_devices.remember(self.request, response, form.get_user())
        return response

    def form_invalid(self, form: SignInForm) -> HttpResponse:
        context = self.get_context_data(form=form)
        if form.retry_after is None:
            return self.render_to_response(context, status=422)
        return self.render_to_response(context, status=429, headers={"Retry-After": str(form.retry_after)})


@login_not_required
@never_cache
@sensitive_post_parameters()
@require_http_methods(["GET", "HEAD", "POST"])
def sign_up(request: HttpRequest, token: str) -> HttpResponse:
    """Accept an invitation: a visitor becomes a user and a member, who has signed in already becomes a member."""
    invitation = invitations.find(token)
    if request.user.is_authenticated:
        return _join(request, token, {"invitation": invitation})
    form = SignUpForm(request.POST or None)
    if form.is_valid():
        data = form.cleaned_data
        user = invitations.sign_up(token, data["username"], data["new"])
        login(request, user)
        response = rendering.redirect_with_message(request, f"Welcome, {user.username}.", "home")
        known_devices.remember(request, response, user)
        return response
    context = {"invitation": invitation, "form": form}
    return rendering.render_page(request, "accounts/sign_up.html", context, status=422 if form.is_bound else 200)


def _join(request: HttpRequest, token: str, context: dict[str, Any]) -> HttpResponse:
    if request.method != "POST":
        return rendering.render_page(request, "accounts/join.html", context)
    team = invitations.accept(Actor.from_page(request), token).team
    return rendering.redirect_with_message(request, f"You joined team {team.name}.", team)
