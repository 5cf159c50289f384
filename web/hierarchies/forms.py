"""Forms of hierarchies and records, and the filter of records. What is allowed is for the verbs to say."""

import json
from typing import Any

from django import forms
from django.db.models import QuerySet
from django.http import QueryDict

from accounts.actor import Actor
from hierarchies import records, ulids
from hierarchies.models import Access, Hierarchy, Operation, Record
from hierarchies.validators import MAX_LEVEL
from web.artifacts.forms import split_tags
from web.forms import FilterForm, RetryForm
from web.hierarchies import record_query
from web.hierarchies.record_query import RecordQuery

_PLAIN = {"autocomplete": "off", "spellcheck": "false", "autocapitalize": "none"}


class DataField(forms.CharField):
    """A JSON value as text. What is no JSON is told by its line and column, and the text stays in the form."""

    def __init__(self, **kwargs: Any) -> None:
        attributes = {"rows": 14, "spellcheck": "false", "class": "json"}
        super().__init__(widget=forms.Textarea(attrs=attributes), strip=False, **kwargs)

    def clean(self, value: Any) -> Any:
        text = super().clean(value)
        try:
            return json.loads(text)
        except RecursionError as error:
            raise forms.ValidationError("This is nested too deeply.") from error
        except json.JSONDecodeError as error:
            raise forms.ValidationError(f"Line {error.lineno}, column {error.colno}: {error.msg}.") from error

    def prepare_value(self, value: Any) -> str:
        return value if isinstance(value, str) else json.dumps(value, indent=2, ensure_ascii=False)


class RecordForm(RetryForm):
    data = DataField(
        initial={},
        help_text='JSON, such as {"name": "baseline"}. `artifact://team/project/name:v3` links to a version.',
    )
    type = forms.CharField(
        required=False,
        max_length=64,
        widget=forms.TextInput(attrs={**_PLAIN, "list": "record-types"}),
        help_text="Optional. Data of a known type, such as ml_prediction, is checked.",
    )
    tags = forms.CharField(required=False, max_length=7000, help_text="Comma-separated.")

    def clean_tags(self) -> list[str]:
        return split_tags(self.cleaned_data["tags"])

    def keep_data(self) -> None:
        """For data that is too large for a form: it keeps its type, and the tags can be changed."""
        del self.fields["data"], self.fields["type"]

    @classmethod
    def initial_of(cls, record: Record) -> dict[str, Any]:
        # The type that the data names need not be given again.
        named = record.data.get("type") if isinstance(record.data, dict) else None
        type = "" if record.type == named else record.type
        text = json.dumps(record.data, indent=2, ensure_ascii=False)
        return {"data": text, "type": type, "tags": ", ".join(record.tags)}


class HierarchyForm(RetryForm):
    name = forms.CharField(
        max_length=128,
        strip=False,
        widget=forms.TextInput(attrs={**_PLAIN, "autofocus": True}),
        help_text="Letters, digits, dots, dashes and underscores. Used in URLs.",
    )
    description = forms.CharField(
        required=False, max_length=2**16, widget=forms.Textarea(attrs={"rows": 3}), help_text="Markdown."
    )
    labels = forms.CharField(
        required=False,
        max_length=2**13,
        strip=False,
        label="Levels",
        widget=forms.Textarea(attrs={"rows": 4, "placeholder": "experiment\nmodel\npredictions"}),
        help_text="What records are called, from the top level down: one label per line.",
    )
    enforce_levels = forms.BooleanField(required=False, label="Refuse records on levels without a label")
    access = forms.ChoiceField(
        choices=[
            (Access.PROJECT, "Project: who can see the project can read"),
            (Access.PUBLIC, "Public: everyone can read, without signing in"),
            (Access.OPEN, "Open: public, and programs on the server itself can write without a key"),
        ],
        initial=Access.PROJECT,
    )
    switched_off = forms.MultipleChoiceField(
        required=False,
        label="Switched-off operations",
        choices=Operation.choices,
        widget=forms.CheckboxSelectMultiple,
    )

    def clean_labels(self) -> dict[str, str]:
        """By level. An empty line leaves its level without a label."""
        lines = [line.strip() for line in self.cleaned_data["labels"].splitlines()]
        if len(lines) > MAX_LEVEL + 1:
            raise forms.ValidationError(f"At most {MAX_LEVEL + 1} levels are allowed.")
        return {str(level): label for level, label in enumerate(lines) if label}

    def keep_access(self) -> None:
        """For somebody who is no admin of the team."""
        field, current = self.fields["access"], self.initial.get("access", Access.PROJECT)
        field.choices = [choice for choice in field.choices if choice[0] == current]
        field.help_text = "Only an admin of the team decides who reads it without signing in."
        field.error_messages["invalid_choice"] = field.help_text

    @property
    def arguments(self) -> dict[str, Any]:
        """Those of `hierarchies.create` and `update`."""
        fields = dict(self.cleaned_data)
        switched_off = fields.pop("switched_off")
        return fields | {
            "level_labels": fields.pop("labels"),
            "permissions": dict.fromkeys(switched_off, False),
        }

    @classmethod
    def initial_of(cls, hierarchy: Hierarchy) -> dict[str, Any]:
        levels = hierarchy.levels
        labels = [hierarchy.level_labels.get(str(level), "") for level in range(max(levels, default=-1) + 1)]
        return {name: getattr(hierarchy, name) for name in ("name", "description", "enforce_levels", "access")} | {
            "labels": "\n".join(labels),
            "switched_off": [operation for operation in Operation.values if not hierarchy.is_on(operation)],
        }


class DeleteRecordForm(RetryForm):
    """What is below it goes along only where somebody ticks so."""

    delete_below = forms.BooleanField(required=False)

    def __init__(self, child_count: str, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        label = f"Also delete everything below it ({child_count} directly below)"
        if child_count:
            self.fields["delete_below"].label = label
        else:
            del self.fields["delete_below"]

    def delete(self, actor: Actor, record: Record) -> bool:
        """Whether that was done; else the form says why not."""
        if self.cleaned_data.get("delete_below"):
            return self.attempt(records.delete_subtree, actor, record) is not None
        self.attempt(records.delete, actor, record)
        return not self.errors


class MoveForm(RetryForm):
    """The new parent of a record by its id; the top level where that is empty."""

    parent = forms.CharField(required=False)

    def __init__(self, hierarchy: Hierarchy, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.hierarchy = hierarchy

    def clean(self) -> dict[str, Any]:
        if "parent" not in self.data:
            raise forms.ValidationError("Choose where the record is moved to.")
        return super().clean()

    def clean_parent(self) -> str | None:
        parent = self.cleaned_data["parent"].upper()
        if parent and not self.hierarchy.records.filter(pk=parent).exists():
            self.add_error(None, "That record is not there: it was deleted meanwhile, or is in another hierarchy.")
        return parent or None


class TreePosition(FilterForm):
    """Where a tree begins: at a record, and after one of those below it."""

    at = forms.RegexField(ulids.PATTERN, required=False)
    parent = forms.RegexField(ulids.PATTERN, required=False)
    after = forms.RegexField(ulids.PATTERN, required=False)


class RecordFilter(FilterForm):
    """The query string of a list of records in a hierarchy."""

    q = forms.CharField(required=False)
    level = forms.IntegerField(required=False, min_value=0, max_value=MAX_LEVEL)
    type = forms.CharField(required=False, max_length=64)

    def __init__(self, hierarchy: Hierarchy, data: QueryDict) -> None:
        super().__init__(data)
        self.hierarchy = hierarchy

    def clean_q(self) -> RecordQuery:
        try:
            return record_query.parse(self.cleaned_data["q"], self.hierarchy.level_labels)
        except record_query.InvalidQuery as error:
            raise forms.ValidationError(str(error)) from error

    @property
    def query(self) -> dict[str, str]:
        """For templates: the text of the filter box, and what is wrong with it, if it is no query."""
        faults = self.errors.get("q", [])
        return {"text": self.data.get("q", "").strip()[: record_query.MAX_LENGTH], "fault": " ".join(faults)}

    @property
    def is_filter(self) -> bool:
        """Whether anything is asked for, in a form that is a query."""
        values = self.values()
        return bool(values["q"]) or values["level"] not in (None, "") or bool(values["type"])

    def narrow(self, records: QuerySet[Record]) -> QuerySet[Record]:
        """Those of these records of the hierarchy that match."""
        values = self.values()
        if values["level"] not in (None, ""):
            records = records.filter(level=values["level"])
        if values["type"]:
            records = records.filter(type=values["type"])
        return record_query.narrow(records, values["q"] or RecordQuery())


class ParentFilter(FilterForm):
    """A search for a new parent of a record: by id, or as `RecordFilter` has it."""

    q = forms.CharField(required=False)

    def __init__(self, record: Record, data: QueryDict) -> None:
        super().__init__(data)
        self.record = record

    clean_q = RecordFilter.clean_q
    query = RecordFilter.query

    @property
    def hierarchy(self) -> Hierarchy:
        return self.record.hierarchy

    def parents(self) -> QuerySet[Record]:
        """Those that match, the newest first; without a query those on the level of the present parent."""
        others = self.hierarchy.records.exclude(pk__in=[self.record.pk, self.record.parent_id or ""]).order_by("-pk")
        query = self.values()["q"]
        if self.errors:
            return others.none()
        if query:
            return record_query.narrow(others, query)
        return others.filter(level=max(self.record.level - 1, 0))
