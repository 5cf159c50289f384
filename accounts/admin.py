"""Django admin of accounts. Changes go through the same verbs as everywhere."""

from collections.abc import Callable
from itertools import accumulate, chain
from typing import Any

from django.contrib import admin, messages
from django.contrib.auth.admin import UserAdmin as DjangoUserAdmin
from django.contrib.auth.models import Group
from django.core.exceptions import ValidationError
from django.db.models import Count, QuerySet
from django.forms import BaseModelFormSet, ModelForm
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from unfold.admin import ModelAdmin, TabularInline
from unfold.forms import AdminPasswordChangeForm, UserChangeForm, UserCreationForm

from accounts import former_names, invitations, keys, teams, users
from accounts.actor import Actor
from accounts.models import ApiKey, FormerName, Invitation, Membership, Role, Team, User
from core import errors, long_values


class VerbAdmin(ModelAdmin):
    """Where a verb raises, the page is shown again with the message."""

    # Staff need not be members of the team, without which many a page on the site is not found.
    view_on_site = False

    def changeform_view(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        return self._with_error_message(super().changeform_view, request, *args, **kwargs)

    def changelist_view(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        return self._with_error_message(super().changelist_view, request, *args, **kwargs)

    def delete_view(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        return self._with_error_message(super().delete_view, request, *args, **kwargs)

    def delete_queryset(self, request: HttpRequest, queryset: QuerySet) -> None:
        for row in queryset:
            self.delete_model(request, row)

    def get_deleted_objects(self, objs: Any, request: HttpRequest) -> tuple[Any, ...]:
        """The rows alone: the verb deletes what belongs to them, and Django would load and list all of it."""
        doomed = [str(row) for row in objs]
        return doomed, {f"{self.opts.verbose_name_plural}, with all that is in them": len(doomed)}, set(), []

    def _with_error_message(
        self, view: Callable[..., HttpResponse], request: HttpRequest, *args: Any, **kwargs: Any
    ) -> Any:
        try:
            return view(request, *args, **kwargs)
        except errors.RegistryError as refusal:
            self.message_user(request, str(refusal), messages.ERROR)
            return HttpResponseRedirect(request.get_full_path())

    def get_queryset(self, request: HttpRequest) -> QuerySet:
        """Without long values: a list does not show them, and a form loads its own."""
        paths = [accumulate(path.split("__"), "{}__{}".format) for path in self.list_select_related or ()]
        return long_values.defer(super().get_queryset(request), "", *chain.from_iterable(paths))


class ReadOnlyAdmin(VerbAdmin):
    """Rows that cannot be changed in Django admin."""

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


class NewUserForm(UserCreationForm):
    class Meta(UserCreationForm.Meta):
        model = User
        fields = ("username", "email")

    def clean_username(self) -> str:
        name: str = self.cleaned_data["username"]
        if Team.objects.by_name(name).exists():
            raise ValidationError("A team already has this name.")
        return name


# Roles belong to teams; Django's groups would be a second way to grant permissions.
admin.site.unregister(Group)


@admin.register(User)
class UserAdmin(DjangoUserAdmin, VerbAdmin):
    form = UserChangeForm
    add_form = NewUserForm
    change_password_form = AdminPasswordChangeForm
    list_display = ("username", "email", "is_active", "is_staff", "is_superuser", "last_login", "date_joined")
    list_filter = ("is_active", "is_staff", "is_superuser", "date_joined")
    search_fields = ("username", "email")
    ordering = ("username",)
    readonly_fields = ("username", "last_login", "date_joined")
    filter_horizontal = ()
    fieldsets = (
        (None, {"fields": ("username", "password", "email")}),
        ("Standing", {"fields": ("is_active", "is_staff", "is_superuser")}),
        ("Times", {"fields": ("last_login", "date_joined")}),
    )
    add_fieldsets = ((None, {"classes": ("wide",), "fields": ("username", "email", "password1", "password2")}),)

    def get_readonly_fields(self, request: HttpRequest, obj: User | None = None) -> tuple[str, ...]:
        return self.readonly_fields if obj else ()

    def has_delete_permission(self, request: HttpRequest, obj: User | None = None) -> bool:
        """Objects keep their creator: deactivate users instead."""
        return False

    def save_form(self, request: HttpRequest, form: ModelForm, change: bool) -> User:
        if change:
            return super().save_form(request, form, change)
        data = form.cleaned_data
        form.instance = users.create(data["username"], data["password1"], data["email"])
        return form.instance

    def save_model(self, request: HttpRequest, obj: User, form: ModelForm, change: bool) -> None:
        if change:
            super().save_model(request, obj, form, change)

    def save_related(self, request: HttpRequest, form: ModelForm, formsets: list[Any], change: bool) -> None:
        if change:
            super().save_related(request, form, formsets, change)


class MemberForm(ModelForm):
    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        # The role of a member can be changed, not the user.
        self.fields["user"].disabled = not self.instance._state.adding


class MembershipInline(TabularInline):
    model = Membership
    form = MemberForm
    extra = 0
    autocomplete_fields = ("user",)
    readonly_fields = ("created_at",)

    def get_queryset(self, request: HttpRequest) -> QuerySet[Membership]:
        return super().get_queryset(request).select_related("user", "team")


@admin.register(Team)
class TeamAdmin(VerbAdmin):
    list_display = ("name", "display_name", "is_personal", "members", "created_by", "created_at")
    list_filter = ("is_personal", "created_at")
    list_select_related = ("created_by",)
    search_fields = ("name", "display_name")
    ordering = ("name",)
    fields = ("name", "display_name", "is_personal", "created_by", "created_at")
    readonly_fields = ("is_personal", "created_by", "created_at")

    def get_queryset(self, request: HttpRequest) -> QuerySet[Team]:
        return super().get_queryset(request).annotate(member_count=Count("memberships"))

    @admin.display(ordering="member_count")
    def members(self, team: Team) -> int:
        return team.member_count

    def get_inlines(self, request: HttpRequest, obj: Team | None) -> list[type[TabularInline]]:
        return [MembershipInline] if obj else []

    def save_form(self, request: HttpRequest, form: ModelForm, change: bool) -> Team:
        """Without saving: the form has changed its own copy, the verb changes the row."""
        form.save(commit=False)
        data = form.cleaned_data
        if not change:
            form.instance = teams.create(Actor.from_admin(request), data["name"], data["display_name"])
            return form.instance
        row = Team.objects.get(pk=form.instance.pk)
        return teams.update(Actor.from_admin(request), row, name=data["name"], display_name=data["display_name"])

    def save_model(self, request: HttpRequest, obj: Team, form: ModelForm, change: bool) -> None:
        """Saved by `save_form` already."""

    def save_formset(self, request: HttpRequest, form: ModelForm, formset: BaseModelFormSet, change: bool) -> None:
        """A new row invites the user, who becomes a member by accepting. Who becomes an admin comes first, so that the
        last one can be replaced in one step."""
        formset.save(commit=False)
        for member in formset.new_objects:
            username = member.user.username
            invitations.invite_user(Actor.from_admin(request), member.team, username, Role(member.role))
            self.message_user(request, f"{username} is invited, and will be a member once they accept.")
        for member, _ in sorted(formset.changed_objects, key=lambda row: -Role(row[0].role).rank):
            teams.change_role(Actor.from_admin(request), member, Role(member.role))
        for member in formset.deleted_objects:
            teams.remove_member(Actor.from_admin(request), member)

    def delete_model(self, request: HttpRequest, obj: Team) -> None:
        teams.delete(Actor.from_admin(request), obj)


@admin.register(Membership)
class MembershipAdmin(ReadOnlyAdmin):
    list_display = ("team", "user", "role", "created_at")
    list_filter = ("role", "created_at")
    list_select_related = ("team", "user")
    search_fields = ("team__name", "user__username")


@admin.register(ApiKey)
class ApiKeyAdmin(ReadOnlyAdmin):
    """Without the hash; the value is stored nowhere."""

    list_display = ("name", "user", "key_prefix", "scope", "created", "expiry", "last_used_at")
    list_filter = ("scope", "created", "expiry", "last_used_at")
    list_select_related = ("user",)
    search_fields = ("name", "user__username", "token_key")
    fields = ("name", "user", "key_prefix", "scope", "created", "expiry", "last_used_at")
    actions = ("revoke",)

    @admin.display(description="prefix")
    def key_prefix(self, key: ApiKey) -> str:
        return key.prefix

    def has_revoke_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm("accounts.delete_apikey")

    @admin.action(description="Revoke selected keys", permissions=["revoke"])
    def revoke(self, request: HttpRequest, queryset: QuerySet[ApiKey]) -> None:
        count = len(queryset)
        for key in queryset:
            keys.revoke(Actor.from_admin(request), key)
        self.message_user(request, f"Revoked {count} {'key' if count == 1 else 'keys'}.", messages.SUCCESS)


@admin.register(Invitation)
class InvitationAdmin(ReadOnlyAdmin):
    """Created by team admins; staff can revoke them."""

    list_display = ("team", "role", "username", "email", "created_by", "created_at", "expires_at", "used_at", "used_by")
    list_filter = ("role", "created_at", "expires_at", "used_at")
    list_select_related = ("team", "created_by", "used_by")
    search_fields = ("team__name", "username", "email", "created_by__username", "used_by__username")
    fields = list_display
    actions = ("revoke",)

    def has_revoke_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm("accounts.delete_invitation")

    @admin.action(description="Revoke selected invitations", permissions=["revoke"])
    def revoke(self, request: HttpRequest, queryset: QuerySet[Invitation]) -> None:
        count = len(queryset)
        for invitation in queryset:
            invitations.revoke(Actor.from_admin(request), invitation)
        done = f"Revoked {count} {'invitation' if count == 1 else 'invitations'}."
        self.message_user(request, done, messages.SUCCESS)


@admin.register(FormerName)
class FormerNameAdmin(ReadOnlyAdmin):
    """Staff can let others have a name before its time is over."""

    list_display = ("name", "scope", "holder", "is_reserved", "role", "last_assigned_number", "freed_by", "freed_at")
    list_filter = ("is_reserved", "role", "freed_at")
    list_select_related = ("freed_by",)
    search_fields = ("name", "scope", "holder")
    actions = ("release",)

    def has_release_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm("accounts.change_formername")

    @admin.action(description="Let others use selected names", permissions=["release"])
    def release(self, request: HttpRequest, queryset: QuerySet[FormerName]) -> None:
        count = former_names.release(Actor.from_admin(request), queryset)
        self.message_user(request, f"Released {count} {'name' if count == 1 else 'names'}.", messages.SUCCESS)
