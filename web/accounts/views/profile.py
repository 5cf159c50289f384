"""The page about oneself: teams, password, API keys."""

from uuid import UUID

from django.contrib.auth import update_session_auth_hash
from django.contrib.auth.decorators import login_required
from django.db.models import F
from django.db.models.functions import Lower
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404
from django.urls import reverse
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods, require_safe

from accounts import email_addresses, keys, users
from accounts.actor import Actor
from accounts.models import Team
from core import mail
from web import rendering, tables
from web.accounts.forms import EmailForm, KeyForm, PasswordForm

PAGE_SIZE = 50
# Ids grow with time.
KEY_ORDERINGS = {
    "name": Lower("name"),
    "access": "scope",
    "created": "pk",
    "used": F("last_used_at"),
    "expires": F("expiry"),
}
KEY_COLUMNS = (
    ("name", "Name", ""),
    ("access", "Access", "tight medium"),
    ("created", "Created", "tight medium"),
    ("used", "Last used", "tight"),
    ("expires", "Expires", "tight"),
)


@login_required
@require_safe
def profile(request: HttpRequest) -> HttpResponse:
    """The part is the list of keys."""
    view = tables.chosen(request.GET, (), KEY_ORDERINGS, "-created")
    page = rendering.paginate(request.GET, tables.sort(request.user.api_keys, view, KEY_ORDERINGS), PAGE_SIZE)
    teams = [] if rendering.is_partial(request) else Team.objects.visible_to(request.user).order_by("name")
    context = {"page": page, "teams": teams, "sends_mail": mail.is_configured(), "active_nav": "profile"}
    context |= {"sort": view.sort, "columns": KEY_COLUMNS}
    return rendering.render_page(request, "accounts/profile.html", context)


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def email_change(request: HttpRequest) -> HttpResponse:
    form = EmailForm(rendering.post_data(request), initial={"email": request.user.email})
    if form.is_valid():
        email = form.cleaned_data["email"]
        email_addresses.change(Actor.from_page(request), email)
        message = f"We sent a link to {email}. Open it to confirm the address." if email else "E-mail address removed."
        return rendering.redirect_with_message(request, message, "profile")
    return rendering.render_form(request, form, "E-mail address", submit_label="Save", back="profile")


@login_required
@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def email_confirm(request: HttpRequest, token: str) -> HttpResponse:
    email = email_addresses.requested(Actor.from_page(request), token)
    if request.method == "POST":
        email_addresses.confirm(Actor.from_page(request), token)
        return rendering.redirect_with_message(request, "E-mail address confirmed.", "profile")
    message = f"{email} becomes the e-mail address of {request.user.username}."
    return rendering.render_form(
        request, None, "Confirm your e-mail address", message, submit_label="Confirm", back="profile"
    )


@login_required
@sensitive_post_parameters()
@require_http_methods(["GET", "HEAD", "POST"])
def password(request: HttpRequest) -> HttpResponse:
    form = PasswordForm(request, request.POST or None)
    if form.is_valid():
        users.change_password(Actor.from_page(request), form.cleaned_data["new"])
        update_session_auth_hash(request, request.user)
        return rendering.redirect_with_message(
            request, "Password changed. Other browsers have been signed out.", "profile"
        )
    return rendering.render_form(request, form, "Change password", submit_label="Change", back="profile")


@login_required
@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def key_new(request: HttpRequest) -> HttpResponse:
    form = KeyForm(request.POST or None)
    if form.is_valid():
        data = form.cleaned_data
        key, value = keys.create(Actor.from_page(request), data["name"], data["scope"], form.expires_at())
        context = {"key": key, "value": value, "base_url": request.build_absolute_uri("/").rstrip("/")}
        context["back"] = reverse("profile")
        return rendering.add_htmx_trigger(
            rendering.render_page(request, "accounts/key_created.html", context), changed=True
        )
    return rendering.render_form(request, form, "New API key", submit_label="Create", back="profile")


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def key_revoke(request: HttpRequest, key_id: UUID) -> HttpResponse:
    key = get_object_or_404(request.user.api_keys, pk=key_id)
    if request.method == "POST":
        keys.revoke(Actor.from_page(request), key)
        return rendering.redirect_with_message(request, f'API key "{key.name}" revoked.', "profile")
    message = "Scripts that use it will stop working. This action cannot be undone."
    heading = f'Revoke API key "{key.name}"?'
    return rendering.render_form(request, None, heading, message, submit_label="Revoke", back="profile", danger=True)
