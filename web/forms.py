"""Forms that pages of several subjects have."""

from typing import Any

from django import forms


class FilterForm(forms.Form):
    """The query string of a list. What does not fit is as if it were not there."""

    def values(self) -> dict[str, str]:
        self.is_valid()
        return {name: self.cleaned_data.get(name, "") for name in self.fields}


class ConfirmNameForm(forms.Form):
    """The name of what is about to be deleted, typed out."""

    name = forms.CharField(strip=False)

    def __init__(self, expected: str, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.expected = expected

    def clean_name(self) -> str:
        if self.cleaned_data["name"] != self.expected:
            raise forms.ValidationError(f"Type {self.expected} to confirm.")
        return self.expected
