"""Service accounts of a team and their API keys, for its admins."""

from uuid import UUID

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404
from django.urls import reverse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_safe

from accounts import keys, service_accounts
from accounts.actor import Actor
from accounts.models import Role
from web import rendering, tables
from web.accounts.forms import KeyForm, ServiceAccountForm
from web.accounts.lookups import get_service_account, get_team
from web.accounts.views.profile import KEY_COLUMNS, KEY_ORDERINGS, PAGE_SIZE


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def add(request: HttpRequest, team: str) -> HttpResponse:
    team = get_team(request, team, role=Role.ADMIN)
    form = ServiceAccountForm(request.POST or None)
    if form.is_valid():
        account = service_accounts.create(Actor.from_page(request), team, **form.cleaned_data).user
        message = f"Service account {account.username} created. Create an API key for it."
        return rendering.redirect_with_message(request, message, "service-account", team.name, account.username)
    message = "For programs such as CI: a member of the team without a password, with API keys of its own."
    back = rendering.safe_return_url(request, team.get_absolute_url())
    return rendering.render_form(request, form, "New service account", message, submit_label="Create", back=back)


@login_required
@require_safe
def key_list(request: HttpRequest, team: str, account: str) -> HttpResponse:
    team = get_team(request, team, role=Role.ADMIN)
    account = get_service_account(team, account)
    view = tables.chosen(request.GET, (), KEY_ORDERINGS, "-created")
    page = rendering.paginate(request.GET, tables.sort(account.api_keys, view, KEY_ORDERINGS), PAGE_SIZE)
    context = {"team": team, "account": account, "page": page, "sort": view.sort, "columns": KEY_COLUMNS}
    return rendering.render_page(request, "accounts/service_account.html", context | {"active_nav": "teams"})


@login_required
@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def key_new(request: HttpRequest, team: str, account: str) -> HttpResponse:
    team = get_team(request, team, role=Role.ADMIN)
    account = get_service_account(team, account)
    form = KeyForm(request.POST or None)
    back = reverse("service-account", args=[team.name, account.username])
    if form.is_valid():
        data, actor = form.cleaned_data, Actor.from_page(request)
        key, value = keys.create(actor, data["name"], data["scope"], form.expires_at(), account=account)
        base_url = request.build_absolute_uri("/").rstrip("/")
        context = {"key": key, "value": value, "base_url": base_url, "back": back}
        page = rendering.render_page(request, "accounts/key_created.html", context)
        return rendering.add_htmx_trigger(page, changed=True)
    heading = f"New API key for {account.username}"
    return rendering.render_form(request, form, heading, submit_label="Create", back=back)


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def key_revoke(request: HttpRequest, team: str, account: str, account_key_id: UUID) -> HttpResponse:
    team = get_team(request, team, role=Role.ADMIN)
    account = get_service_account(team, account)
    key = get_object_or_404(account.api_keys.select_related("user"), pk=account_key_id)
    back = reverse("service-account", args=[team.name, account.username])
    if request.method == "POST":
        keys.revoke(Actor.from_page(request), key)
        return rendering.redirect_with_message(request, f'API key "{key.name}" revoked.', back)
    message = "Programs that use it will stop working. This action cannot be undone."
    heading = f'Revoke API key "{key.name}"?'
    return rendering.render_form(request, None, heading, message, submit_label="Revoke", back=back, danger=True)
