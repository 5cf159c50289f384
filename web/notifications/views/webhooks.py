"""The webhooks of a project, for the admins of its team."""

from typing import Any
from uuid import UUID

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from accounts import permissions
from accounts.actor import Actor
from notifications import webhooks
from notifications.models import Delivery, Webhook
from projects.models import Project
from web import rendering
from web.notifications.forms import WebhookForm
from web.notifications.lookups import get_webhook
from web.projects.lookups import get_managed_project

PAGE_SIZE = 50


@login_required
@require_safe
def webhook_list(request: HttpRequest, team: str, project: str) -> HttpResponse:
    found = get_managed_project(request, team, project)
    rows = Delivery.objects.annotate_newest(Webhook.objects.filter(project=found))
    return _answer(request, found, "webhooks", hooks=rows)


@login_required
@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def webhook_new(request: HttpRequest, team: str, project: str) -> HttpResponse:
    found = get_managed_project(request, team, project)
    form = WebhookForm(request.POST or None)
    if form.is_valid():
        made = webhooks.create(Actor.from_page(request), found, **form.cleaned_data)
        return _secret(request, made, "Webhook created")
    return _ask(request, found, form, "New webhook", "Create", reverse("project-webhooks", args=found.url_args))


@login_required
@require_safe
def webhook_page(request: HttpRequest, team: str, project: str, webhook_id: UUID) -> HttpResponse:
    """The part is the list of deliveries, which asks for itself anew while one is on its way."""
    found = get_managed_project(request, team, project)
    webhook = get_webhook(request, found, webhook_id)
    rows = Delivery.objects.filter(webhook=webhook).select_related("event").prefetch_related("attempts")
    page = rendering.paginate(request, rows.order_by("-id"), PAGE_SIZE)
    is_busy = any(delivery.is_pending for delivery in page)
    return _answer(request, found, "webhook", webhook=webhook, page=page, is_busy=is_busy and webhook.is_live)


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def webhook_edit(request: HttpRequest, team: str, project: str, webhook_id: UUID) -> HttpResponse:
    found = get_managed_project(request, team, project)
    webhook = get_webhook(request, found, webhook_id)
    form = WebhookForm(request.POST or None, initial=WebhookForm.shown(webhook))
    if form.is_valid():
        webhooks.update(Actor.from_page(request), webhook, **form.cleaned_data)
        return rendering.redirect_with_message(request, "Saved.", webhook.get_absolute_url())
    return _ask(request, found, form, "Edit webhook", "Save", webhook.get_absolute_url())


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def webhook_delete(request: HttpRequest, team: str, project: str, webhook_id: UUID) -> HttpResponse:
    found = get_managed_project(request, team, project)
    webhook = get_webhook(request, found, webhook_id)
    if request.method == "POST":
        webhooks.delete(Actor.from_page(request), webhook)
        return rendering.redirect_with_message(
            request, "Webhook deleted.", reverse("project-webhooks", args=found.url_args)
        )
    sentence = f"No more events are sent to {webhook.url}, and its delivery log is deleted."
    heading = "Delete this webhook?"
    return rendering.render_form(
        request, None, heading, sentence, verb="Delete", back=webhook.get_absolute_url(), danger=True
    )


@login_required
@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def webhook_secret(request: HttpRequest, team: str, project: str, webhook_id: UUID) -> HttpResponse:
    found = get_managed_project(request, team, project)
    webhook = get_webhook(request, found, webhook_id)
    if request.method == "POST":
        return _secret(request, webhooks.renew_secret(Actor.from_page(request), webhook), "New signing secret")
    sentence = "New deliveries will be signed with the new secret. Update the receiver with it."
    heading = "Create a new secret?"
    return rendering.render_form(
        request, None, heading, sentence, verb="Create", back=webhook.get_absolute_url(), danger=True
    )


@login_required
@require_POST
def webhook_test(request: HttpRequest, team: str, project: str, webhook_id: UUID) -> HttpResponse:
    found = get_managed_project(request, team, project)
    webhook = get_webhook(request, found, webhook_id)
    webhooks.test(Actor.from_page(request), webhook)
    return rendering.redirect_with_message(request, "Test event queued.", webhook.get_absolute_url())


@login_required
@require_POST
def webhook_pause(request: HttpRequest, team: str, project: str, webhook_id: UUID) -> HttpResponse:
    found = get_managed_project(request, team, project)
    webhook = webhooks.pause(Actor.from_page(request), get_webhook(request, found, webhook_id))
    return rendering.redirect_with_message(request, "Webhook paused.", webhook.get_absolute_url())


@login_required
@require_POST
def webhook_resume(request: HttpRequest, team: str, project: str, webhook_id: UUID) -> HttpResponse:
    found = get_managed_project(request, team, project)
    webhook = webhooks.resume(Actor.from_page(request), get_webhook(request, found, webhook_id))
    return rendering.redirect_with_message(request, "Webhook resumed.", webhook.get_absolute_url())


def _ask(request: HttpRequest, project: Project, form: WebhookForm, heading: str, verb: str, back: str) -> HttpResponse:
    context = {"project": project, "form": form, "heading": heading, "verb": verb, "back": back}
    status = 422 if form.is_bound else 200
    return rendering.render_page(request, "notifications/webhook_form.html", context, status=status)


def _secret(request: HttpRequest, webhook: Webhook, heading: str) -> HttpResponse:
    """The only page that has the secret."""
    context = {"webhook": webhook, "heading": heading, "back": webhook.get_absolute_url()}
    return rendering.add_htmx_trigger(
        rendering.render_page(request, "notifications/webhook_secret.html", context), changed=True
    )


def _answer(request: HttpRequest, project: Project, template: str, **context: Any) -> HttpResponse:
    context |= {"project": project, "tab": "webhooks", "place": "home"} | permissions.template_flags(project.role)
    return rendering.render_page(request, f"notifications/{template}.html", context)
