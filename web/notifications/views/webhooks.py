"""The webhooks of a project, for the admins of its team."""

from typing import Any
from uuid import UUID

from django.contrib.auth.decorators import login_required
from django.db.models import F, TextField
from django.db.models.functions import Cast, Coalesce
from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from accounts import permissions
from accounts.actor import Actor
from accounts.models import Role
from notifications import webhook_previews, webhooks
from notifications.message_formats import WebhookFormat
from notifications.models import Delivery, Webhook
from projects.models import Project
from web import rendering, tables
from web.notifications.forms import WebhookForm
from web.notifications.lookups import get_webhook
from web.projects.lookups import get_project

PAGE_SIZE = 50
_ORDERINGS = {
    "url": "title_key",
    "events": Cast("events", TextField()),
    "state": "state_rank",
    "last": F("last_at"),
}
_COLUMNS = (
    ("url", "URL", ""),
    ("events", "Events", "medium"),
    ("state", "State", "tight"),
    ("last", "Last delivery", "tight medium"),
)
# Ids grow with time.
_DELIVERY_ORDERINGS = {
    "event": tables.AmongNewest(F("event__kind")),
    "state": tables.AmongNewest(F("state")),
    "attempts": tables.AmongNewest(F("attempts_made")),
    "response": tables.AmongNewest(Coalesce(Cast("last_status", TextField()), "last_error")),
    "when": "pk",
}
_DELIVERY_COLUMNS = (
    ("event", "Event", ""),
    ("state", "State", "tight"),
    ("attempts", "Attempts", "number tight medium"),
    ("response", "Response", "medium answer"),
    ("when", "When", "number tight"),
)


@login_required
@require_safe
def webhook_list(request: HttpRequest, team: str, project: str) -> HttpResponse:
    project = get_project(request, team, project, role=Role.ADMIN)
    view = tables.chosen(request.GET, (), _ORDERINGS)
    rows = Delivery.objects.annotate_newest(Webhook.objects.filter(project=project).annotate_order())
    rows = tables.sort(rows, view, _ORDERINGS)
    return _render_tab(request, project, "webhooks", webhooks=rows, sort=view.sort, columns=_COLUMNS)


@login_required
@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def webhook_new(request: HttpRequest, team: str, project: str) -> HttpResponse:
    project = get_project(request, team, project, role=Role.ADMIN)
    form = WebhookForm(request.POST or None)
    if form.is_valid():
        webhook = webhooks.create(Actor.from_page(request), project, **form.cleaned_data)
        if not webhook.is_signed:
            return rendering.redirect_with_message(request, "Webhook created. Send a test to try it.", webhook)
        return _render_secret(request, webhook, "Webhook created")
    return _render_form(
        request, project, form, "New webhook", "Create", reverse("project-webhooks", args=project.url_args)
    )


@login_required
@require_safe
def webhook_preview(request: HttpRequest, team: str, project: str) -> HttpResponse:
    """What would be sent in a format, for the form that chooses it; or as a page, where there is no script."""
    project = get_project(request, team, project, role=Role.ADMIN)
    format = request.GET.get("format") or WebhookFormat.GENERIC
    kind = request.GET.get("event") or webhook_previews.DEFAULT_KIND
    preview = webhook_previews.preview(Actor.from_page(request), project, format, kind)
    context = {"project": project, "preview": preview, "back": reverse("project-webhooks", args=project.url_args)}
    context |= {"formats": WebhookFormat.choices}
    return rendering.render_page(request, "notifications/webhook_preview.html", context)


@login_required
@require_safe
def webhook_page(request: HttpRequest, team: str, project: str, webhook_id: UUID) -> HttpResponse:
    """The part is the list of deliveries, which asks for itself anew while one is on its way."""
    project = get_project(request, team, project, role=Role.ADMIN)
    webhook = get_webhook(request, project, webhook_id)
    rows = Delivery.objects.filter(webhook=webhook).select_related("event").prefetch_related("attempts")
    rows = rows.annotate_attempts()
    view = tables.chosen(request.GET, (), _DELIVERY_ORDERINGS, "-when")
    page = rendering.paginate(request.GET, tables.sort(rows, view, _DELIVERY_ORDERINGS), PAGE_SIZE)
    is_busy = webhook.is_live and any(delivery.is_pending for delivery in page)
    context = {"webhook": webhook, "page": page, "view": view, "sort": view.sort, "is_busy": is_busy}
    context |= {"columns": _DELIVERY_COLUMNS}
    return _render_tab(request, project, "webhook", **context)


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def webhook_edit(request: HttpRequest, team: str, project: str, webhook_id: UUID) -> HttpResponse:
    project = get_project(request, team, project, role=Role.ADMIN)
    webhook = get_webhook(request, project, webhook_id)
    form = WebhookForm(request.POST or None, initial=WebhookForm.initial_of(webhook))
    if form.is_valid():
        webhooks.update(Actor.from_page(request), webhook, **form.cleaned_data)
        return rendering.redirect_with_message(request, "Saved.", webhook)
    return _render_form(request, project, form, "Edit webhook", "Save", webhook.get_absolute_url())


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def webhook_delete(request: HttpRequest, team: str, project: str, webhook_id: UUID) -> HttpResponse:
    project = get_project(request, team, project, role=Role.ADMIN)
    webhook = get_webhook(request, project, webhook_id)
    if request.method == "POST":
        webhooks.delete(Actor.from_page(request), webhook)
        return rendering.redirect_with_message(request, "Webhook deleted.", "project-webhooks", *project.url_args)
    message = f"No more events are sent to {webhook.url}, and its delivery log is deleted."
    heading = "Delete this webhook?"
    return rendering.render_form(request, None, heading, message, submit_label="Delete", back=webhook, danger=True)


@login_required
@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def webhook_secret(request: HttpRequest, team: str, project: str, webhook_id: UUID) -> HttpResponse:
    project = get_project(request, team, project, role=Role.ADMIN)
    webhook = get_webhook(request, project, webhook_id)
    if request.method == "POST":
        return _render_secret(request, webhooks.renew_secret(Actor.from_page(request), webhook), "New signing secret")
    message = "New deliveries will be signed with the new secret. Update the receiver with it."
    heading = "Create a new secret?"
    return rendering.render_form(request, None, heading, message, submit_label="Create", back=webhook, danger=True)


@login_required
@require_POST
def webhook_test(request: HttpRequest, team: str, project: str, webhook_id: UUID) -> HttpResponse:
    project = get_project(request, team, project, role=Role.ADMIN)
    webhook = get_webhook(request, project, webhook_id)
    webhooks.test(Actor.from_page(request), webhook)
    return rendering.redirect_with_message(request, "Test event queued.", webhook)


@login_required
@require_POST
def webhook_pause(request: HttpRequest, team: str, project: str, webhook_id: UUID) -> HttpResponse:
    project = get_project(request, team, project, role=Role.ADMIN)
    webhook = webhooks.pause(Actor.from_page(request), get_webhook(request, project, webhook_id))
    return rendering.redirect_with_message(request, "Webhook paused.", webhook)


@login_required
@require_POST
def webhook_resume(request: HttpRequest, team: str, project: str, webhook_id: UUID) -> HttpResponse:
    project = get_project(request, team, project, role=Role.ADMIN)
    webhook = webhooks.resume(Actor.from_page(request), get_webhook(request, project, webhook_id))
    return rendering.redirect_with_message(request, "Webhook resumed.", webhook)


def _render_form(
    request: HttpRequest, project: Project, form: WebhookForm, heading: str, submit_label: str, back: str
) -> HttpResponse:
    context = {"project": project, "form": form, "heading": heading, "submit_label": submit_label, "back": back}
    status = 422 if form.is_bound else 200
    return rendering.render_page(request, "notifications/webhook_form.html", context, status=status)


def _render_secret(request: HttpRequest, webhook: Webhook, heading: str) -> HttpResponse:
    """The only page that has the secret."""
    context = {"webhook": webhook, "heading": heading, "back": webhook.get_absolute_url()}
    return rendering.add_htmx_trigger(
        rendering.render_page(request, "notifications/webhook_secret.html", context), changed=True
    )


def _render_tab(request: HttpRequest, project: Project, template: str, **context: Any) -> HttpResponse:
    context |= {"project": project, "tab": "webhooks", "active_nav": "home"} | permissions.template_flags(project.role)
    return rendering.render_page(request, f"notifications/{template}.html", context)
