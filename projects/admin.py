"""Django admin of projects and runs. Changes go through the same verbs as everywhere."""

from django.contrib import admin, messages
from django.db.models import QuerySet
from django.forms import ModelForm
from django.http import HttpRequest

from accounts.actor import Actor
from accounts.admin import ReadOnlyAdmin, VerbAdmin
from projects import projects, runs
from projects.errors import RunEnded
from projects.models import Project, Run, State


@admin.register(Project)
class ProjectAdmin(VerbAdmin):
    list_display = ("full_name", "visibility", "created_by", "created_at", "updated_at")
    list_filter = ("visibility", "created_at")
    list_select_related = ("team", "created_by")
    search_fields = ("name", "description", "team__name")
    ordering = ("team__name", "name")
    fields = ("id", "team", "name", "description", "visibility", "created_by", "created_at", "updated_at")
    readonly_fields = ("id", "team", "created_by", "created_at", "updated_at")

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def save_model(self, request: HttpRequest, obj: Project, form: ModelForm, change: bool) -> None:
        projects.update(Actor.from_admin(request), obj, **{name: form.cleaned_data[name] for name in form.changed_data})

    def delete_model(self, request: HttpRequest, obj: Project) -> None:
        projects.delete(Actor.from_admin(request), obj)


@admin.register(Run)
class RunAdmin(ReadOnlyAdmin):
    list_display = ("name", "project", "state", "job_type", "created_by", "started_at", "heartbeat_at")
    list_filter = ("state", "started_at")
    list_select_related = ("project__team", "created_by")
    search_fields = ("name", "display_name", "notes", "project__name", "project__team__name")
    ordering = ("-id",)
    actions = ("kill",)

    def has_kill_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm("projects.change_run")

    @admin.action(description="Mark selected runs as killed", permissions=["kill"])
    def kill(self, request: HttpRequest, queryset: QuerySet[Run]) -> None:
        for run in queryset.select_related("project__team"):
            try:
                runs.finish(Actor.from_admin(request), run, State.KILLED)
            except RunEnded as refusal:
                self.message_user(request, str(refusal), messages.WARNING)
