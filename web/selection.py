"""Rows that were ticked in a table, and the page that says what is about to happen to them."""

from typing import Any, NamedTuple
from uuid import UUID

from django import forms
from django.contrib import messages
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect

from artifacts.selection import MAX_ITEMS, Outcome
from core import long_values
from core.validators import validate_tags
from projects.models.project import as_uuid
from web import rendering


class Row(NamedTuple):
    """A row that was ticked, a sentence about it, and why it is left out of what is about to happen, if it is."""

    item: Any
    message: str = ""
    refusal: str = ""


class NoForm(forms.Form):
    """A confirmation that asks for nothing."""


class DeleteVersionsForm(forms.Form):
    delete_aliases = forms.BooleanField(required=False, label="Also delete the aliases that point to them")


class TagsForm(forms.Form):
    add = forms.CharField(required=False, max_length=7000, label="Add tags", help_text="Comma-separated.")
    remove = forms.CharField(required=False, max_length=7000, label="Remove tags", help_text="Comma-separated.")

    def clean_add(self) -> list[str]:
        return _tags(self.cleaned_data["add"])

    def clean_remove(self) -> list[str]:
        return _tags(self.cleaned_data["remove"])

    def clean(self) -> dict[str, Any]:
        data = super().clean()
        if not self.errors and not data["add"] and not data["remove"]:
            raise forms.ValidationError("Enter at least one tag to add or to remove.")
        return data


def ids(request: HttpRequest) -> list[UUID]:
    """What was ticked, by its ids: as many as a page has."""
    sent = request.POST if request.method == "POST" else request.GET
    return [pk for pk in map(as_uuid, sent.getlist("item")[:MAX_ITEMS]) if pk]


def items(request: HttpRequest, rows: QuerySet) -> list[Any]:
    """The ticked ones of these rows, in their order, without long values; others are as if they were not ticked."""
    ticked = ids(request)
    return list(long_values.defer(rows.filter(pk__in=ticked), "")) if ticked else []


def nothing_selected(request: HttpRequest, back: str, message: str = "Select at least one row first.") -> HttpResponse:
    messages.error(request, message)
    return redirect(back)


def render_confirmation(
    request: HttpRequest, form: forms.Form | None, rows: list[Row], heading: str, back: str, **context: Any
) -> HttpResponse:
    """What happens to each, in a form that sends on those that nothing forbids."""
    status = 422 if form is not None and form.is_bound else 200
    refused = sum(bool(row.refusal) for row in rows)
    context |= {"form": form if refused < len(rows) else None, "rows": rows, "heading": heading, "back": back}
    context["refused_count"] = refused
    return rendering.render_page(request, "selection/confirm.html", context, status=status)


def respond(request: HttpRequest, outcomes: list[Outcome], done: str, back: str) -> HttpResponse:
    """Back to the list where all was done, else a page that says which were refused, and why. `done` is "deleted"."""
    carried_out = [outcome for outcome in outcomes if not outcome.refusal]
    if len(carried_out) == len(outcomes):
        return rendering.redirect_with_message(request, f"{len(outcomes)} {done}.", back)
    refused = [outcome for outcome in outcomes if outcome.refusal]
    context = {"carried_out": carried_out, "refused": refused, "done": done, "back": back}
    return rendering.render_page(request, "selection/outcome.html", context, status=409)


def _tags(text: str) -> list[str]:
    return validate_tags(tag.strip() for tag in text.split(",") if tag.strip())
