"""Forms of projects, and the filter of their list."""

from typing import Any

from django import forms
from django.db.models import QuerySet

from accounts.models import Team
from projects.models import Project, Visibility
from web.forms import QueryField, SearchForm

_VISIBILITIES = [
    (Visibility.PRIVATE, "Private: visible to team members"),
    (Visibility.INTERNAL, "Internal: visible to everyone who can sign in"),
]


class ProjectFilter(SearchForm):
    q = QueryField("projects")
    team = forms.CharField(required=False, max_length=64)


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
