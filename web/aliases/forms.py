"""Forms to move aliases, and to protect them. A form remembers which version the alias was at when it was shown: the
move that it leads to is one from there, and no other."""

from functools import cached_property
from typing import Any

from django import forms

from accounts.models import Role
from artifacts import validators
from artifacts.aliases.aliases import Expected
from artifacts.models import AliasRule, Artifact, ArtifactAlias, ArtifactVersion
from web.forms import RetryForm

ALPHABET = "Only letters, digits, dots, underscores and hyphens"
# The same as `validators.OWN_ALIAS`, in the syntax of HTML.
_HTML_PATTERN = "[A-Za-z0-9][A-Za-z0-9._\\-]*"
_HTML_RULE_PATTERN = "[A-Za-z0-9*?][A-Za-z0-9._*?\\-]*"


class ReasonForm(RetryForm):
    reason = forms.CharField(
        required=False,
        max_length=validators.MAX_REASON_LENGTH,
        widget=forms.Textarea(attrs={"rows": 2}),
        help_text="Stored permanently in the history.",
    )


class CommentForm(RetryForm):
    comment = forms.CharField(
        required=False,
        max_length=validators.MAX_REASON_LENGTH,
        widget=forms.Textarea(attrs={"rows": 2, "autofocus": True}),
    )


class OneAliasForm(ReasonForm):
    """Something about one alias of the artifact, which need not exist."""

    expected = forms.UUIDField(required=False, widget=forms.HiddenInput())
    expected_of = forms.CharField(required=False, max_length=200, widget=forms.HiddenInput())

    def __init__(self, artifact: Artifact, alias: str, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.artifact = artifact
        self._alias = alias

    @property
    def alias(self) -> str:
        return self._alias

    @cached_property
    def current(self) -> ArtifactVersion | None:
        """The version that the alias is at now."""
        rows: Any = ArtifactAlias.objects.filter(artifact=self.artifact, alias=self.alias)
        row = rows.select_related("version").first() if self.alias else None
        return row.version if row else None

    @property
    def has_expectation(self) -> bool:
        """Whether the person saw where this alias is, or that it does not exist."""
        return self["expected_of"].value() == self.alias

    @property
    def expectation(self) -> Expected:
        """The id of the version that the person saw the alias at."""
        return self.cleaned_data["expected"] if self.has_expectation else None

    @property
    def has_moved(self) -> bool:
        """Whether it is no longer where the person saw it."""
        expected = self["expected"].value()
        return self.has_expectation and str(expected or "") != str(self.current.pk if self.current else "")


class MoveForm(OneAliasForm):
    """The version is chosen from a list, or typed: `v3`, `3`, or an alias, which means where that points."""

    version = forms.CharField(
        required=False,
        max_length=100,
        widget=forms.TextInput(
            attrs={
                "list": "version-choices",
                "placeholder": "Search by number or alias",
                "autocomplete": "off",
                "autocapitalize": "none",
                "spellcheck": "false",
            }
        ),
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if not self.is_bound and not any("autofocus" in field.widget.attrs for field in self.fields.values()):
            self.fields["version"].widget.attrs["autofocus"] = True

    @cached_property
    def target(self) -> ArtifactVersion | None:
        """The finalized version that is meant; None where there is no such one."""
        value = (self["version"].value() or "").strip()
        number = validators.version_number(value if value.startswith("v") else f"v{value}")
        finalized = self.artifact.versions.finalized()
        if number is not None:
            return finalized.filter(number=number).first()
        return finalized.filter(aliases__alias=value).first() if value else None

    def leave_out_current(self) -> None:
        """Propose no version where it would be the one that the alias is at."""
        if self.current and self.initial.get("version") == self.current.version:
            self.initial["version"] = ""

    def clean(self) -> dict[str, Any]:
        if not self.target:
            value = self.cleaned_data.get("version")
            missing = f"No finalized version or alias is called {value!r}." if value else "Choose a version."
            self.add_error("version", missing)
        return self.cleaned_data


class AddForm(MoveForm):
    """The same for an alias that is typed; one that exists is moved only by a person who saw where it is."""

    name = forms.CharField(
        label="Alias",
        max_length=100,
        error_messages={"required": "Enter a name for the alias."},
        widget=forms.TextInput(
            attrs={
                "list": "alias-suggestions",
                "pattern": _HTML_PATTERN,
                "data-fault": f"{ALPHABET}, starting with a letter or digit.",
                "title": f"{ALPHABET}, starting with a letter or digit.",
                "autocomplete": "off",
                "autocapitalize": "none",
                "spellcheck": "false",
                "placeholder": "production",
                "autofocus": True,
            }
        ),
    )

    @property
    def alias(self) -> str:
        return str(self["name"].value() or "").strip()

    def clean(self) -> dict[str, Any]:
        if self.current and not self.has_expectation:
            pointed = f"Alias '{self.alias}' already points to {self.current.version}."
            self.add_error(None, f"{pointed} Submit again to move it from there.")
        return super().clean()


class SwapForm(ReasonForm):
    one = forms.CharField(max_length=100, label="Alias")
    other = forms.CharField(max_length=100, label="With")
    field_order = ["one", "other", "reason"]

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for name in ("one", "other"):
            self.fields[name].widget.attrs |= {
                "list": "alias-names",
                "pattern": _HTML_PATTERN,
                "data-fault": f"{ALPHABET}, starting with a letter or digit.",
                "title": f"{ALPHABET}, starting with a letter or digit.",
                "autocomplete": "off",
                "spellcheck": "false",
            }
        if not self.is_bound:
            self.fields["other" if self["one"].value() else "one"].widget.attrs["autofocus"] = True


class RuleForm(RetryForm):
    pattern = forms.CharField(
        max_length=100,
        label="Aliases",
        help_text="A name such as production, or a pattern: prod-* matches every alias starting with prod-.",
        widget=forms.TextInput(
            attrs={
                "pattern": _HTML_RULE_PATTERN,
                "data-fault": f"{ALPHABET}, * for any characters and ? for one.",
                "title": f"{ALPHABET}, * for any characters and ? for one.",
                "autocomplete": "off",
                "autocapitalize": "none",
                "spellcheck": "false",
                "autofocus": True,
            }
        ),
    )
    role = forms.ChoiceField(
        label="Who can move them",
        choices=[(Role.ADMIN, "Admins"), (Role.EDITOR, "Editors and admins")],
        initial=Role.ADMIN,
    )
    needs_approval = forms.BooleanField(required=False, label="Require approval from a second person")

    @classmethod
    def initial_of(cls, rule: AliasRule) -> dict[str, Any]:
        return {name: getattr(rule, name) for name in ("pattern", "role", "needs_approval")}

    def clean_role(self) -> Role:
        return Role(self.cleaned_data["role"])
