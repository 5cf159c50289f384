"""Forms of artifacts and versions, and the filters of their list.

A form checks one field at a time; what is allowed is for the verbs to say.
"""

import json
from datetime import timedelta
from typing import Any

from django import forms
from django.db.models import QuerySet
from django.http import QueryDict

from artifacts import validators
from artifacts.deletion_preview import MAX_LISTED
from artifacts.models import Artifact, ArtifactFile, ArtifactVersion
from core.validators import validate_json_object, validate_tags
from projects.models import Project
from web.forms import FilterForm, QueryField, SearchForm

_ORDERINGS = ("name", "project", "type", "version_count", "latest_size", "updated_at")


class ArtifactFilter(SearchForm):
    q = QueryField("artifacts")
    # The wandb client has more types than `validators.TYPES`.
    type = forms.CharField(required=False, max_length=validators.MAX_LABEL_LENGTH)
    project = forms.CharField(required=False, max_length=200)
    tag = forms.CharField(required=False, max_length=128)
    alias = forms.CharField(required=False, max_length=validators.MAX_LABEL_LENGTH)
    sort = forms.ChoiceField(required=False, choices=[(f"{sign}{n}", n) for n in _ORDERINGS for sign in ("", "-")])


class FolderFilter(FilterForm):
    """A part of a folder: what comes after an entry, the `offset`-th one, or the files whose paths have a text."""

    path = forms.CharField(required=False, max_length=1024, strip=False)
    after = forms.CharField(required=False, max_length=1024, strip=False)
    filter = forms.CharField(required=False, max_length=200)
    offset = forms.IntegerField(required=False, min_value=0, max_value=10**9)


class SelectionForm(forms.Form):
    """The files and folders that are ticked, by their paths."""

    select = forms.TypedMultipleChoiceField()

    def __init__(self, data: QueryDict) -> None:
        super().__init__(data)
        # Any path: those that are not there are not found.
        self.fields["select"].choices = [(path, path) for path in data.getlist("select")]


class VersionFilter(SearchForm):
    q = QueryField("versions")


class ArtifactForm(forms.Form):
    project = forms.ModelChoiceField(queryset=Project.objects.none(), empty_label=None)
    name = forms.CharField(max_length=128, strip=False)
    type = forms.ChoiceField(choices=[(name, name) for name in validators.TYPES])
    description = forms.CharField(required=False, max_length=2**16, widget=forms.Textarea(attrs={"rows": 3}))
    tags = forms.CharField(required=False, max_length=2000, help_text="Comma-separated.")

    def __init__(self, projects: Any, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["project"].queryset = projects

    def clean_tags(self) -> list[str]:
        return split_tags(self.cleaned_data["tags"])


class _Decoder(json.JSONDecoder):
    def decode(self, text: str, **kwargs: Any) -> Any:
        try:
            return super().decode(text, **kwargs)
        except RecursionError as error:
            raise json.JSONDecodeError("Nested too deeply", text, 0) from error


class MetadataField(forms.JSONField):
    """A JSON object, within the bounds that the API has too."""

    def __init__(self, **kwargs: Any) -> None:
        attributes = {"rows": 6, "spellcheck": "false"}
        widget = forms.Textarea(attrs=attributes)
        super().__init__(required=False, widget=widget, decoder=_Decoder, help_text="A JSON object.", **kwargs)

    def prepare_value(self, value: Any) -> str:
        if isinstance(value, (str, forms.fields.InvalidJSONInput)):
            return value
        return json.dumps(value, indent=2, ensure_ascii=False)

    def clean(self, value: Any) -> dict[str, Any]:
        return validate_json_object(super().clean(value) or {})


class TagsForm(forms.Form):
    """A form of something that has tags, which others may change while it is filled in."""

    tags = forms.CharField(required=False, max_length=7000, help_text="Comma-separated.", show_hidden_initial=True)

    def clean_tags(self) -> list[str]:
        return split_tags(self.cleaned_data["tags"])

    def changes(self) -> dict[str, Any]:
        """The values of all fields, but instead of `tags` those that were added to what the page had, or removed."""
        values = dict(self.cleaned_data)
        tags = values.pop("tags")
        present = _split(self.initial["tags"])
        on_page = _split(self.data.get(self["tags"].html_initial_name, self.initial["tags"]))
        return values | {
            "add_tags": [tag for tag in tags if tag not in on_page],
            "remove_tags": [tag for tag in present if tag in on_page and tag not in tags],
        }


class ArtifactEditForm(TagsForm):
    name = forms.CharField(max_length=128, strip=False)
    description = forms.CharField(
        required=False, max_length=2**16, widget=forms.Textarea(attrs={"rows": 5}), help_text="Markdown."
    )
    metadata = MetadataField()
    auto_latest = forms.BooleanField(required=False, label="Update the alias latest automatically")
    field_order = ["name", "description", "tags", "metadata", "auto_latest"]

    @classmethod
    def initial_of(cls, artifact: Artifact) -> dict[str, Any]:
        initial = {name: getattr(artifact, name) for name in ("name", "description", "metadata", "auto_latest")}
        return initial | {"tags": ", ".join(artifact.tags)}


class FinalizeForm(forms.Form):
    """What a draft becomes: a version with a description, under some names."""

    aliases = forms.CharField(
        required=False, max_length=5000, help_text="Separated by commas or spaces, such as production, v1.2.0."
    )
    description = forms.CharField(
        required=False, max_length=2**16, widget=forms.Textarea(attrs={"rows": 4}), help_text="Markdown."
    )

    def clean_aliases(self) -> list[str]:
        return self.cleaned_data["aliases"].replace(",", " ").split()


class VersionEditForm(TagsForm):
    description = forms.CharField(
        required=False, max_length=2**16, widget=forms.Textarea(attrs={"rows": 4}), help_text="Markdown."
    )
    notes = forms.CharField(
        required=False, max_length=2**16, widget=forms.Textarea(attrs={"rows": 4}), help_text="Markdown."
    )
    metadata = MetadataField()
    ttl_days = forms.FloatField(
        required=False,
        # About a second, the shortest TTL that programs set.
        min_value=1e-5,
        max_value=validators.MAX_TTL.days,
        label="Days to live",
        help_text="Counted from when the version was created. It is deleted after that, unless a protected alias "
        "points to it, or a collection links it. Leave empty to keep it.",
        error_messages={"min_value": "Enter more than 0 days, or leave this empty."},
        show_hidden_initial=True,
    )
    field_order = ["description", "notes", "tags", "ttl_days", "metadata"]

    @classmethod
    def initial_of(cls, version: ArtifactVersion) -> dict[str, Any]:
        initial = {name: getattr(version, name) for name in ("description", "notes", "metadata")}
        days = round(version.ttl / timedelta(days=1), 5) if version.ttl else None
        days = int(days) if days and days.is_integer() else days
        return initial | {"tags": ", ".join(version.tags), "ttl_days": days}

    def changes(self) -> dict[str, Any]:
        """As of tags; with `ttl` where it is another one than the page had."""
        values = super().changes()
        days = values.pop("ttl_days")
        on_page = self.data.get(self["ttl_days"].html_initial_name, self.initial["ttl_days"])
        return values if days == _number(on_page) else values | {"ttl": timedelta(days=days) if days else None}


def _number(text: Any) -> float | None:
    """None for an empty field, and for what no page of ours has."""
    try:
        return float(text)
    except (TypeError, ValueError):
        return None


class DeleteVersionForm(forms.Form):
    """Aliases are deleted only where somebody ticks so; `latest` falls back by itself where it follows."""

    delete_aliases = forms.BooleanField(required=False)

    def __init__(self, aliases: list[str], *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if not aliases:
            del self.fields["delete_aliases"]
        elif len(aliases) > MAX_LISTED:
            self.fields["delete_aliases"].label = f"Also delete its {len(aliases):,} aliases"
        else:
            self.fields["delete_aliases"].label = f"Also delete its aliases: {', '.join(aliases)}"


class RemoveForm(forms.Form):
    file = forms.ModelChoiceField(queryset=None)

    def __init__(self, files: QuerySet[ArtifactFile], *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["file"].queryset = files


def split_tags(text: str) -> list[str]:
    """The tags of a line, as `validate_tags` takes them."""
    try:
        return validate_tags(_split(text))
    except forms.ValidationError as error:
        raise forms.ValidationError("A tag has 1 to 128 characters, an artifact at most 100 tags.") from error


def _split(text: str) -> list[str]:
    return [tag.strip() for tag in text.split(",") if tag.strip()]
