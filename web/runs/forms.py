"""Forms of runs, and the filter of their list."""

from typing import Any

from django import forms

from core.validators import validate_single_line
from projects.models import Run, State
from web.artifacts.forms import TagsForm
from web.forms import FilterForm, QueryField, SearchForm
from web.tables import MAX_COLUMN_LENGTH


class RunFilter(SearchForm):
    q = QueryField("runs")
    state = forms.ChoiceField(required=False, choices=[("", "All states"), *State.choices])
    group = forms.CharField(required=False, max_length=128)
    job_type = forms.CharField(required=False, max_length=128)
    # Of `run_groups`: by what runs are grouped, and the group whose runs are listed.
    group_by = forms.CharField(required=False, max_length=MAX_COLUMN_LENGTH)
    other_key = forms.CharField(required=False, max_length=MAX_COLUMN_LENGTH)
    key = forms.CharField(required=False, max_length=MAX_COLUMN_LENGTH)
    value = forms.CharField(required=False, max_length=8192, strip=False)


class RunEditForm(TagsForm):
    display_name = forms.CharField(
        max_length=256, required=False, label="Name", help_text="Shown instead of the ID, which stays as it is."
    )
    notes = forms.CharField(
        required=False, max_length=2**16, widget=forms.Textarea(attrs={"rows": 5}), help_text="Markdown."
    )
    field_order = ["display_name", "tags", "notes"]

    @classmethod
    def initial_of(cls, run: Run) -> dict[str, Any]:
        return {"display_name": run.display_name, "notes": run.notes, "tags": ", ".join(run.tags)}

    def clean_display_name(self) -> str:
        name: str = self.cleaned_data["display_name"]
        validate_single_line(name)
        return name


class ConsoleFilter(forms.Form):
    """The query string of a console. What does not fit is as if it were not there."""

    q = forms.CharField(required=False, max_length=200, strip=False)
    before = forms.IntegerField(required=False, min_value=1, max_value=2**31 - 1)
    first = forms.IntegerField(required=False, min_value=0, max_value=2**31 - 1)

    def cleaned(self) -> dict[str, Any]:
        self.is_valid()
        return {name: self.cleaned_data.get(name) for name in self.fields}


class FileFilter(FilterForm):
    q = forms.CharField(required=False, max_length=200, strip=False)
    sort = forms.CharField(required=False, max_length=20)


class MediaFilter(FilterForm):
    key = forms.CharField(required=False, max_length=512, strip=False)
    kind = forms.CharField(required=False, max_length=20)
    before = forms.IntegerField(required=False, min_value=0, max_value=2**31 - 1)
