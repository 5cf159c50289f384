"""The form that adds references to a draft: one URI, or many that were pasted, one a line."""

import re
from collections.abc import Iterator
from typing import Any, NamedTuple
from urllib.parse import unquote, urlsplit

from django import forms

from artifacts import errors, validators
from artifacts.models import ArtifactVersion
from artifacts.references import references, uris
from artifacts.references.references import ReferenceSpec

MAX_LISTED_FAULTS = 10
_MAX_LENGTH = 4 * 2**20
_NONE = "Enter at least one URI."
_EXAMPLE = "s3://bucket/data/train.parquet  data/train.parquet"
# One space may be part of a key.
_SEPARATOR = re.compile(r"\t| {2,}")
_FOLDER = "This names a folder: add its objects one by one, or log them with add_reference in Python."


class Line(NamedTuple):
    number: int
    spec: ReferenceSpec


class ReferencesForm(forms.Form):
    """Objects elsewhere: a URI a line and, after a tab or two spaces, its path; without one, the name of the object.

    What is wrong is said by line. The draft is the one that they go into, None where they begin one.
    """

    uris = forms.CharField(
        label="URIs",
        max_length=_MAX_LENGTH,
        strip=False,
        widget=forms.Textarea(attrs={"rows": 3, "spellcheck": "false", "placeholder": _EXAMPLE}),
        help_text="One per line: s3://, gs://, az:// or https://. Optional: two spaces, then the path in the version.",
        error_messages={"required": _NONE, "max_length": "That is too much for one time."},
    )

    def __init__(self, draft: ArtifactVersion | None, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.draft = draft

    def clean_uris(self) -> list[ReferenceSpec]:
        lines = list(_lines(self.cleaned_data["uris"]))
        if not lines:
            raise forms.ValidationError(_NONE)
        if len(lines) > references.MAX_REFERENCES_A_CALL:
            raise forms.ValidationError(f"Add at most {references.MAX_REFERENCES_A_CALL:,} references at a time.")
        faults = {line.number: fault for line in lines if (fault := _fault(line.spec))}
        faults |= dict(self._taken([line for line in lines if line.number not in faults]))
        if faults:
            raise forms.ValidationError(_messages(faults))
        return [line.spec for line in lines]

    def _taken(self, lines: list[Line]) -> Iterator[tuple[int, str]]:
        """Lines whose path another line has, or another file of the draft."""
        first: dict[str, int] = {}
        known: dict[str, tuple[str | None, str | None]] = {}
        if self.draft:
            rows = self.draft.files.filter(path__in=[line.spec.path for line in lines])
            columns = ("path", "reference_uri", "reference_version_id")
            known = {path: (uri, version_id) for path, uri, version_id in rows.values_list(*columns)}
        for number, spec in lines:
            location = uris.parse(spec.uri)
            uri, version_id = known.get(spec.path, (location.uri, location.version_id))
            if uri != location.uri or location.version_id not in ("", version_id):
                yield number, f"The draft already has a file at {spec.path!r}. Write another path after the URI."
            elif first.setdefault(spec.path, number) != number:
                same = f"Line {first[spec.path]} has the path {spec.path!r} too."
                yield number, f"{same} Write another one after the URI."


def _lines(text: str) -> Iterator[Line]:
    for number, line in enumerate(text.splitlines(), 1):
        uri, *path = _SEPARATOR.split(line.strip(), maxsplit=1)
        if uri:
            yield Line(number, ReferenceSpec(path[0].strip() if path else default_path(uri), uri))


def default_path(uri: str) -> str:
    """The name of the object: the last part of its key, or of the path of a URL; "" where there is none."""
    try:
        location = uris.parse(uri)
    except errors.RegistryError:
        return ""
    if location.provider.is_store:
        return location.key.rpartition("/")[2]
    return unquote(urlsplit(location.uri).path.rpartition("/")[2])


def _fault(spec: ReferenceSpec) -> str:
    """What is wrong with one line by itself, "" if nothing is."""
    try:
        references.check(spec)
        if not spec.path:
            return _FOLDER
        validators.check_path(spec.path)
    except errors.RegistryError as error:
        return str(error)
    return ""


def _messages(faults: dict[int, str]) -> list[str]:
    listed = [f"Line {number}: {faults[number]}" for number in sorted(faults)[:MAX_LISTED_FAULTS]]
    more = len(faults) - len(listed)
    return [*listed, f"And {more:,} more."] if more else listed
