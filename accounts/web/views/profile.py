"""The page about oneself: teams, password, API keys."""

from uuid import UUID

from django.contrib.auth import update_session_auth_hash
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404
from django.urls import reverse
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods, require_safe

from accounts import keys, users
from accounts.models import Team
from accounts.web import pages
from accounts.web.forms import KeyForm, PasswordForm

PAGE_SIZE = 50


@login_required
@require_safe
def profile(request: HttpRequest) -> HttpResponse:
    """The part is the list of keys."""
    page = pages.numbered(request, request.user.api_keys.order_by("-id"), PAGE_SIZE)
    teams = [] if pages.wants_part(request) else Team.objects.visible_to(request.user).order_by("name")
    return pages.answer(request, "accounts/profile.html", {"page": page, "teams": teams, "place": "profile"})


@login_required
@sensitive_post_parameters()
@require_http_methods(["GET", "HEAD", "POST"])
def password(request: HttpRequest) -> HttpResponse:
    form = PasswordForm(request.user, request.POST or None)
    if form.is_valid():
        users.change_password(request.user, form.cleaned_data["new"])
        update_session_auth_hash(request, request.user)
        return pages.done(request, "Password changed. Other browsers have been signed out.", reverse("profile"))
    return pages.ask(request, form, "Change password", verb="Change", back=reverse("profile"))


@login_required
@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def key_new(request: HttpRequest) -> HttpResponse:
    form = KeyForm(request.POST or None)
    if form.is_valid():
        data = form.cleaned_data
        key, value = keys.create(request.user, data["name"], data["scope"], form.expires_at())
        context = {"key": key, "value": value, "address": request.build_absolute_uri("/").rstrip("/")}
        return pages.trigger(pages.answer(request, "accounts/key_created.html", context), changed=True)
    return pages.ask(request, form, "New API key", verb="Create", back=reverse("profile"))


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def key_revoke(request: HttpRequest, key_id: UUID) -> HttpResponse:
    key = get_object_or_404(request.user.api_keys, pk=key_id)
    if request.method == "POST":
        keys.revoke(request.user, key)
        return pages.done(request, f'API key "{key.name}" revoked.', reverse("profile"))
    sentence = "Whatever uses it will be refused from now on. This action cannot be undone."
    heading = f'Revoke API key "{key.name}"?'
    return pages.ask(request, None, heading, sentence, verb="Revoke", back=reverse("profile"), danger=True)
