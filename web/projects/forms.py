"""Forms of projects, and filters of the lists of projects and runs."""

from typing import Any

from django import forms
from django.db.models import QuerySet

from accounts.models import Team
from core.validators import validate_single_line
from projects.models import Project, Run, State, Visibility
from web.artifacts.forms import TagsForm
from web.forms import QueryField, SearchForm

_VISIBILITIES = [
    (Visibility.PRIVATE, "Private: visible to team members"),
    (Visibility.INTERNAL, "Internal: visible to everyone who can sign in"),
]


class ProjectFilter(SearchForm):
    q = QueryField("projects")
    team = forms.CharField(required=False, max_length=64)


class RunFilter(SearchForm):
    q = QueryField("runs")
    state = forms.ChoiceField(required=False, choices=[("", "All states"), *State.choices])
    group = forms.CharField(required=False, max_length=128)
    job_type = forms.CharField(required=False, max_length=128)


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


class ProjectForm(forms.Form):
    name = forms.CharField(
        max_length=128,
        strip=False,
        widget=forms.TextInput(attrs={"autocapitalize": "none"}),
        help_text="Letters, digits, dots, dashes and underscores. Used in wandb.init(project=…).",
    )
    description = forms.CharField(
        required=False, max_length=2**16, widget=forms.Textarea(attrs={"rows": 4}), help_text="Markdown."
    )
    visibility = forms.ChoiceField(choices=_VISIBILITIES)

    def stay_private(self) -> None:
        """For somebody who is no admin of the team."""
        field = self.fields["visibility"]
        field.choices = _VISIBILITIES[:1]
        field.help_text = "Only an admin of the team can make it visible to everyone who can sign in."
        field.error_messages["invalid_choice"] = field.help_text

    @classmethod
    def initial_of(cls, project: Project) -> dict[str, Any]:
        return {name: getattr(project, name) for name in ("name", "description", "visibility")}


class NewProjectForm(ProjectForm):
    team = forms.ModelChoiceField(queryset=Team.objects.none(), empty_label=None, to_field_name="name")
    field_order = ["team", "name", "description", "visibility"]

    def __init__(self, teams: QuerySet[Team], *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["team"].queryset = teams
