"""What people fill in. A form checks the shape of one field at a time; what is allowed is for the verbs to say."""

from typing import Any

from django import forms

from artifacts import names
from projects.models import Project

_ORDERINGS = ("name", "type", "version_count", "updated_at")


class ArtifactFilter(forms.Form):
    """The query of an artifact list. What does not fit is as if it were not there."""

    search = forms.CharField(required=False, max_length=200)
    type = forms.ChoiceField(required=False, choices=[("", "All types"), *((name, name) for name in names.TYPES)])
    project = forms.CharField(required=False, max_length=200)
    tag = forms.CharField(required=False, max_length=64)
    alias = forms.CharField(required=False, max_length=100)
    sort = forms.ChoiceField(required=False, choices=[(f"{sign}{n}", n) for n in _ORDERINGS for sign in ("", "-")])

    def values(self) -> dict[str, str]:
        self.is_valid()
        return {name: self.cleaned_data.get(name, "") for name in self.fields}


class ArtifactForm(forms.Form):
    project = forms.ModelChoiceField(queryset=Project.objects.none(), empty_label=None)
    name = forms.CharField(max_length=128, strip=False)
    type = forms.ChoiceField(choices=[(name, name) for name in names.TYPES])
    description = forms.CharField(required=False, max_length=2**16, widget=forms.Textarea(attrs={"rows": 3}))
    tags = forms.CharField(required=False, max_length=2000, help_text="Separated by commas.")

    def __init__(self, projects: Any, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["project"].queryset = projects

    def clean_tags(self) -> list[str]:
        tags = [tag.strip() for tag in self.cleaned_data["tags"].split(",")]
        if any(len(tag) > 64 for tag in tags):
            raise forms.ValidationError("A tag has at most 64 characters.")
        return [tag for tag in tags if tag]
