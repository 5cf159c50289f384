"""Forms that pages of several subjects have."""

from collections.abc import Callable
from typing import Any, ParamSpec, TypeVar

from django import forms
from django.db.models import QuerySet
from django.http import QueryDict
from django.utils.functional import cached_property

from artifacts import errors, search, search_query

P = ParamSpec("P")
Result = TypeVar("Result")


class FilterForm(forms.Form):
    """The query string of a list. What does not fit is as if it were not there."""

    def values(self) -> dict[str, str]:
        self.is_valid()
        return {name: self.cleaned_data.get(name, "") for name in self.fields}


class QueryField(forms.CharField):
    """A query in the language of the search field, of things of this kind, or of every kind."""

    def __init__(self, kind: str = "") -> None:
        super().__init__(required=False)
        self.kind = kind

    def clean(self, value: Any) -> str:
        text = super().clean(value)
        try:
            terms = search_query.parse(text)
            if self.kind:
                search.check_applies(self.kind, terms)
        except search_query.InvalidQuery as error:
            raise forms.ValidationError(str(error)) from error
        return text


class SearchForm(FilterForm):
    """The query string of a list with a filter box. The box was called `search` once, in links that people keep."""

    def __init__(self, data: QueryDict) -> None:
        if "search" in data and "q" not in data:
            data = data.copy()
            data["q"] = data["search"]
        super().__init__(data)

    @cached_property
    def query(self) -> dict[str, str]:
        """For templates: the text of the filter box, and what is wrong with it, if it is no query.

        `as_search` adds a `notice` where not everything was searched.
        """
        faults = self.errors.get("q", [])
        return {"text": self.data.get("q", "").strip()[: search_query.MAX_LENGTH], "fault": " ".join(faults)}

    def narrow(self, user: Any, kind: str, rows: QuerySet, **within: Any) -> QuerySet:
        """The rows that match the query; none where it is no query. `within` is as of `Search`."""
        return rows.none() if self.errors.get("q") else self.as_search(user, **within).narrow(kind, rows)

    def as_search(self, user: Any, **within: Any) -> search.Search:
        """What is asked for. The `query` says so where that cannot be looked for everywhere."""
        parsed = search.Search.of(user, self.cleaned_data["q"], **within)
        if terms := parsed.limited_terms:
            self.query["notice"] = (
                f"“{' '.join(terms)}” was looked for in the newest {search.MAX_SCANNED:,} texts only. Three letters or "
                "digits in a row are found in all of them."
            )
        return parsed


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


class RetryForm(forms.Form):
    """A form that is shown again, with what was refused, to people who may try again."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if self.is_bound:
            # Shown again, the focus stays with the button.
            for field in self.fields.values():
                field.widget.attrs.pop("autofocus", None)

    def attempt(self, verb: Callable[P, Result], *args: P.args, **kwargs: P.kwargs) -> Result | None:
        """What the verb returns. What it refuses for the state that things are in becomes an error of the form, and
        the result None."""
        try:
            return verb(*args, **kwargs)
        except (errors.Invalid, errors.Conflict, errors.AliasProtected) as refusal:
            self.add_error(None, str(refusal))
            return None
