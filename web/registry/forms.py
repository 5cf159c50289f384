"""The filters of the registry, and forms to make a collection and to link versions into one."""

from typing import Any

from django import forms
from django.db.models import QuerySet

from accounts.models import User
from artifacts import errors, name_resolution, validators
from artifacts.models import Artifact, ArtifactVersion
from projects.models import Project
from web.artifacts.forms import ArtifactForm
from web.forms import QueryField, RetryForm, SearchForm

MAX_NAME_LENGTH = 400
_TYPED = {"autocomplete": "off", "autocapitalize": "none", "spellcheck": "false"}


class RegistryFilter(SearchForm):
    q = QueryField("artifacts")
    type = forms.CharField(required=False, max_length=validators.MAX_LABEL_LENGTH)
    team = forms.CharField(required=False, max_length=64)
    tag = forms.CharField(required=False, max_length=128)
    alias = forms.CharField(required=False, max_length=validators.MAX_LABEL_LENGTH)


class CollectionForm(ArtifactForm, RetryForm):
    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["type"].help_text = "Its links are versions of artifacts of this type."
        self.fields["description"].help_text = "Markdown. Lists show its beginning."


class AliasesForm(RetryForm):
    """A link that is about to be made, with the aliases that it gets."""

    aliases = forms.CharField(
        required=False,
        max_length=5000,
        help_text="Separated by commas or spaces, such as production. One that another link has moves to this one.",
        widget=forms.TextInput(attrs=_TYPED),
    )

    def clean_aliases(self) -> list[str]:
        return self.cleaned_data["aliases"].replace(",", " ").split()


class LinkForm(AliasesForm):
    """Where a version is to be linked: in one of the `collections`, or in a new one of a project and name."""

    collection = forms.CharField(
        required=False,
        max_length=MAX_NAME_LENGTH,
        widget=forms.TextInput(attrs=_TYPED | {"list": "choices", "placeholder": "Search by name"}),
    )
    project = forms.ModelChoiceField(queryset=Project.objects.none(), required=False, empty_label="Choose a project")
    name = forms.CharField(required=False, max_length=128, strip=False, widget=forms.TextInput(attrs=_TYPED))
    field_order = ["collection", "project", "name", "aliases"]

    def __init__(
        self, type: str, collections: QuerySet[Artifact], projects: QuerySet[Project], *args: Any, **kwargs: Any
    ) -> None:
        super().__init__(*args, **kwargs)
        self._type, self._collections = type, collections
        self.fields["collection"].help_text = f"Collections of type {type} that you can edit."
        self.fields["project"].queryset = projects

    def clean_collection(self) -> Artifact | None:
        text = self.cleaned_data["collection"].strip()
        if not text:
            return None
        project, _, name = text.rpartition("/")
        scope = Project.objects.by_full_name(project)
        found = self._collections.filter(project__in=scope, name=name).first()
        if found is None:
            message = f"You can edit no collection of type {self._type} named {text!r}. Choose one, or make a new one."
            raise forms.ValidationError(message)
        return found

    def clean(self) -> dict[str, Any]:
        data = self.cleaned_data
        is_new = bool(data.get("name") or data.get("project"))
        if data.get("collection") and is_new:
            self.add_error("collection", "Choose a collection, or make a new one, not both.")
        elif is_new and not data.get("name"):
            self.add_error("name", "Enter the name of the new collection.")
        elif is_new and not data.get("project"):
            self.add_error("project", "Choose the project of the new collection.")
        elif not is_new and "collection" in data and not data["collection"]:
            self.add_error("collection", "Choose a collection, or make a new one.")
        return data


class LinkIntoForm(AliasesForm):
    """Which version is to be linked in a collection."""

    version = forms.CharField(
        max_length=MAX_NAME_LENGTH,
        help_text="By number or alias; the latest one where you name none.",
        widget=forms.TextInput(attrs=_TYPED | {"list": "choices", "placeholder": "team/project/name:v3"}),
    )
    field_order = ["version", "aliases"]

    def __init__(self, user: User, collection: Artifact, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._user, self._collection = user, collection

    def clean_version(self) -> ArtifactVersion:
        text = self.cleaned_data["version"].strip()
        try:
            found = name_resolution.resolve(self._user, text, self._collection.project)
        except errors.RegistryError as error:
            raise forms.ValidationError(str(error)) from error
        found.version.artifact = found.artifact
        return found.version
