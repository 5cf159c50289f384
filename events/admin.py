"""Events in the admin: to be looked at."""

from django.contrib import admin

from accounts.admin import ReadOnlyAdmin
from events.models import Event


@admin.register(Event)
class EventAdmin(ReadOnlyAdmin):
    list_display = ("created_at", "kind", "project", "alias", "actor", "announced_at")
    list_filter = ("kind", "created_at")
    search_fields = ("alias", "project__name", "project__team__name")
    list_select_related = ("project__team", "actor")
    show_full_result_count = False
