"""What a page is about, found by the names in its address among what the reader may see; 404 otherwise."""

from typing import Any
from uuid import UUID

from django.http import HttpRequest
from django.shortcuts import get_object_or_404

from accounts import permissions
from accounts.models import Role
from notifications.models import Delivery, Watch, Webhook
from notifications.models.watch import artifacts_visible_to
from projects.models import Project


def find_project(request: HttpRequest, team: str, project: str) -> Project:
    """A project, with the reader's `role` in its team, and whether the reader watches it."""
    visible = Project.objects.visible_to(request.user).with_role_of(request.user).select_related("team", "created_by")
    watched = Watch.objects.noted_on_projects(visible, request.user)
    return get_object_or_404(watched.named(f"{team}/{project}"))


def find_managed_project(request: HttpRequest, team: str, project: str) -> Project:
    """A project of whose team the reader is an admin; 403 for others who see it."""
    found = find_project(request, team, project)
    permissions.require(request.user, found.team, Role.ADMIN)
    return found


def find_webhook(request: HttpRequest, project: Project, webhook_id: UUID) -> Webhook:
    webhook = get_object_or_404(Webhook.objects.select_related("created_by"), project=project, pk=webhook_id)
    webhook.project = project
    return webhook


def find_delivery(webhook: Webhook, delivery_id: UUID) -> Delivery:
    found = Delivery.objects.select_related("event").prefetch_related("tries")
    delivery = get_object_or_404(found, webhook=webhook, pk=delivery_id)
    delivery.webhook = webhook
    return delivery


def find_artifact(request: HttpRequest, team: str, project: str, type: str, name: str) -> Any:
    """An artifact with its project."""
    visible = artifacts_visible_to(request.user).select_related("project__team")
    return get_object_or_404(visible, project__in=Project.objects.named(f"{team}/{project}"), type=type, name=name)
