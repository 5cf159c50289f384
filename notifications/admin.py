"""Notifications in the admin: who was told, and sending it again by the same verbs."""

from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from unfold.admin import TabularInline

from accounts.actor import Actor
from accounts.admin import ReadOnlyAdmin
from notifications import webhooks
from notifications.models import Attempt, Delivery, Digest, InboxItem, Watch, Webhook


class AttemptInline(TabularInline):
    model = Attempt
    extra = 0
    fields = readonly_fields = ("created_at", "status_code", "error", "duration_ms", "headers", "response")
    can_delete = False

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


@admin.register(Webhook)
class WebhookAdmin(ReadOnlyAdmin):
    """Its secret is for its receiver alone."""

    list_display = ("url", "format", "project", "active", "paused_at", "pause_reason", "failures", "created_by")
    list_filter = ("active", "paused_at", "created_at")
    search_fields = ("url", "description", "project__name", "project__team__name")
    list_select_related = ("project__team", "created_by")
    exclude = ("encrypted_secret",)
    actions = ("pause", "resume")

    @admin.action(description="Pause", permissions=["operate"])
    def pause(self, request: HttpRequest, queryset: QuerySet[Webhook]) -> None:
        for webhook in queryset.select_related("project__team"):
            webhooks.pause(Actor.from_admin(request), webhook)

    @admin.action(description="Resume", permissions=["operate"])
    def resume(self, request: HttpRequest, queryset: QuerySet[Webhook]) -> None:
        for webhook in queryset.select_related("project__team"):
            webhooks.resume(Actor.from_admin(request), webhook)

    def has_operate_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm("notifications.change_webhook")


@admin.register(Delivery)
class DeliveryAdmin(ReadOnlyAdmin):
    list_display = ("created_at", "event", "webhook", "state", "attempt_count", "next_attempt_at", "finished_at")
    list_filter = ("state", "event__kind", "created_at")
    search_fields = ("webhook__url", "event__alias", "webhook__project__name")
    list_select_related = ("event", "webhook")
    inlines = (AttemptInline,)
    actions = ("redeliver",)
    show_full_result_count = False

    @admin.action(description="Deliver again", permissions=["operate"])
    def redeliver(self, request: HttpRequest, queryset: QuerySet[Delivery]) -> None:
        for delivery in queryset.select_related("event", "webhook__project__team"):
            webhooks.redeliver(Actor.from_admin(request), delivery)
        self.message_user(request, "Deliveries queued. Their states change when the workers are done.")

    def has_operate_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm("notifications.change_delivery")


@admin.register(Watch)
class WatchAdmin(ReadOnlyAdmin):
    list_display = ("user", "team", "project", "artifact", "pattern", "by_email", "created_at")
    list_filter = ("by_email", "created_at")
    search_fields = ("user__username", "project__name")
    list_select_related = ("user", "team", "project__team", "artifact")


@admin.register(Digest)
class DigestAdmin(ReadOnlyAdmin):
    list_display = ("user", "frequency", "next_at", "covered_until", "attempts")
    list_filter = ("frequency",)
    search_fields = ("user__username",)
    list_select_related = ("user",)


@admin.register(InboxItem)
class InboxItemAdmin(ReadOnlyAdmin):
    list_display = ("created_at", "user", "event", "reason", "read_at", "mail", "mail_attempts", "next_mail_at")
    list_filter = ("mail", "reason", "created_at")
    search_fields = ("user__username", "event__alias")
    list_select_related = ("user", "event")
    show_full_result_count = False
