"""The external stores of a team, for its admins."""

from uuid import UUID

from django.contrib.auth.decorators import login_required
from django.db.models import Case, Value, When
from django.db.models.functions import Lower
from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_safe

from accounts.actor import Actor
from accounts.models import Role, Team
from artifacts.references import external_stores, store_tests
from web import rendering, tables
from web.accounts.lookups import get_team
from web.external_stores.forms import StoreForm, StoreTestForm
from web.external_stores.lookups import get_store
from web.rendering import post_data

# As the page says it: its own credentials, none, the server's.
_CREDENTIALS = Case(
    When(uses_server_credentials=True, then=Value(2)), When(encrypted_credentials="", then=Value(1)), default=Value(0)
)
_ORDERINGS = {"name": Lower("name"), "credentials": _CREDENTIALS}
_COLUMNS = (("name", "Store", ""), ("credentials", "Read with", "tight medium"))


@login_required
@require_safe
def store_list(request: HttpRequest, team: str) -> HttpResponse:
    team = get_team(request, team, role=Role.ADMIN)
    is_operator = external_stores.is_operator(Actor.from_page(request))
    view = tables.chosen(request.GET, (), _ORDERINGS, "name")
    stores = tables.sort(team.external_stores.all(), view, _ORDERINGS)
    context = {"team": team, "stores": stores, "is_operator": is_operator, "active_nav": "teams"}
    context |= {"sort": view.sort, "columns": _COLUMNS, "table_url": _list_url(team)}
    return rendering.render_page(request, "external_stores/stores.html", context)


@login_required
@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def store_new(request: HttpRequest, team: str) -> HttpResponse:
    team = get_team(request, team, role=Role.ADMIN)
    actor = Actor.from_page(request)
    form = StoreForm(post_data(request), is_operator=external_stores.is_operator(actor))
    if form.is_valid() and form.attempt(external_stores.create, actor, team, **form.arguments):
        return _close_dialog(request, "External store added. Test it to see whether the server can read there.", team)
    heading = f"New external store of {team.name}"
    return rendering.render_form(request, form, heading, submit_label="Add", back=_list_url(team))


@login_required
@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def store_edit(request: HttpRequest, team: str, store_id: UUID) -> HttpResponse:
    store = get_store(request, team, store_id)
    name, actor = store.name, Actor.from_page(request)
    options = {"store": store, "is_operator": external_stores.is_operator(actor)}
    form = StoreForm(post_data(request), initial=StoreForm.initial_of(store), **options)
    if form.is_valid() and form.attempt(external_stores.update, actor, store, **form.arguments):
        return _close_dialog(request, "Saved.", store.team)
    return rendering.render_form(request, form, f"Edit {name}", submit_label="Save", back=_list_url(store.team))


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def store_delete(request: HttpRequest, team: str, store_id: UUID) -> HttpResponse:
    store = get_store(request, team, store_id)
    if request.method == "POST":
        external_stores.delete(Actor.from_page(request), store)
        return _close_dialog(request, f"External store {store.name} deleted.", store.team)
    message = "References into it stay, but the server no longer signs URLs for them, nor checks them."
    heading, back = f"Delete external store {store.name}?", _list_url(store.team)
    return rendering.render_form(request, None, heading, message, submit_label="Delete", back=back, danger=True)


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def store_test(request: HttpRequest, team: str, store_id: UUID) -> HttpResponse:
    store = get_store(request, team, store_id)
    form = StoreTestForm(post_data(request))
    context = {"store": store, "form": form, "back": _list_url(store.team)}
    if form.is_valid():
        context["result"] = form.attempt(store_tests.test, Actor.from_page(request), store, **form.cleaned_data)
    return rendering.render_page(request, "external_stores/store_test.html", context)


def _close_dialog(request: HttpRequest, message: str, team: Team) -> HttpResponse:
    """The list that is open asks for its rows again; without script, on to it."""
    if not rendering.is_partial(request):
        return rendering.redirect_with_message(request, message, _list_url(team))
    events = {"close-modal": True, "changed": True, "toast": {"text": message}}
    return rendering.add_htmx_trigger(HttpResponse(status=204), **events)


def _list_url(team: Team) -> str:
    return reverse("external-stores", args=team.url_args)
