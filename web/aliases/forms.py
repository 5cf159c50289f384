"""What people fill in to move aliases, and to say who may. A form remembers what the person was told when it was shown:
the move it leads to is one from there, and no other."""

from collections.abc import Iterator
from contextlib import contextmanager
from functools import cached_property
from typing import Any

from django import forms

from accounts.models import Role
from artifacts import errors, validators
from artifacts.aliases.aliases import Expected
from artifacts.models import AliasRule, Artifact, ArtifactAlias, ArtifactVersion

ALPHABET = "Only letters, digits, dots, underscores and hyphens"
# The same as `names.ALIAS`, in the words of a browser.
_HTML_PATTERN = "[A-Za-z0-9][A-Za-z0-9._\\-]*"
_HTML_RULE_PATTERN = "[A-Za-z0-9*?][A-Za-z0-9._*?\\-]*"


class RetryForm(forms.Form):
    """A form that is shown again, with what was refused, to people who may try again."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if self.is_bound:
            # Shown again, the focus stays with the button.
            for field in self.fields.values():
                field.widget.attrs.pop("autofocus", None)

    @contextmanager
    def keeping(self) -> Iterator[None]:
        """What a verb refuses for the state that things are in becomes a fault of the form, and the block is over."""
        try:
            yield
        except (errors.Invalid, errors.Conflict, errors.AliasProtected) as refusal:
            self.add_error(None, str(refusal))


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
    def at(self) -> ArtifactVersion | None:
        """Where the alias is now."""
        rows: Any = ArtifactAlias.objects.filter(artifact=self.artifact, alias=self.alias)
        row = rows.select_related("version").first() if self.alias else None
        return row.version if row else None

    @property
    def was_told(self) -> bool:
        """Whether the person saw where this alias is, or that it is not there."""
        return self["expected_of"].value() == self.alias

    @property
    def expectation(self) -> Expected:
        """Where the alias was when the person was told."""
        return self.cleaned_data["expected"] if self.was_told else None

    @property
    def has_moved(self) -> bool:
        """Whether it is no longer where the person saw it."""
        seen = self["expected"].value()
        return self.was_told and str(seen or "") != str(self.at.pk if self.at else "")


class MoveForm(OneAliasForm):
    """The version is one of those that are offered, unless another one is typed."""

    version = forms.CharField(required=False, max_length=12)
    typed = forms.CharField(
        required=False,
        max_length=12,
        label="Or another version",
        widget=forms.TextInput(attrs={"placeholder": "v42", "autocomplete": "off", "spellcheck": "false"}),
    )

    @cached_property
    def to(self) -> ArtifactVersion | None:
        """The finalized version that is chosen; None where there is no such one."""
        word = (self["typed"].value() or self["version"].value() or "").strip()
        number = validators.version_number(word if word.startswith("v") else f"v{word}")
        return self.artifact.versions.finalized().filter(number=number).first() if number else None

    def clean(self) -> dict[str, Any]:
        if not self.to:
            typed = self.cleaned_data.get("typed")
            field, word = ("typed", typed) if typed else ("version", self.cleaned_data.get("version"))
            self.add_error(field, f"No finalized version is called {word!r}." if word else "Choose a version.")
        return self.cleaned_data


class AddForm(MoveForm):
    """The same for an alias that is typed; one that exists is moved by who knows of that."""

    name = forms.CharField(
        label="Alias",
        max_length=100,
        error_messages={"required": "Enter a name for the alias."},
        widget=forms.TextInput(
            attrs={
                "list": "alias-suggestions",
                "pattern": _HTML_PATTERN,
                "data-fault": f"{ALPHABET}; it starts with a letter or digit.",
                "title": f"{ALPHABET}; it starts with a letter or digit.",
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
        if self.at and not self.was_told:
            self.add_error(
                None, f"Alias '{self.alias}' is already at {self.at.version}. Submit again to move it from there."
            )
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
                "data-fault": f"{ALPHABET}; it starts with a letter or digit.",
                "title": f"{ALPHABET}; it starts with a letter or digit.",
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
                "data-fault": f"{ALPHABET}, * for any of them and ? for one.",
                "title": f"{ALPHABET}, * for any of them and ? for one.",
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
    def shown(cls, rule: AliasRule) -> dict[str, Any]:
        return {name: getattr(rule, name) for name in ("pattern", "role", "needs_approval")}

    def clean_role(self) -> Role:
        return Role(self.cleaned_data["role"])
