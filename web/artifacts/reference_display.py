"""What pages show of references: where they point, without what grants access, and who keeps what is there."""

from collections.abc import Iterable
from dataclasses import dataclass
from urllib.parse import urlsplit

from artifacts import errors
from artifacts.models import ArtifactFile, ArtifactVersion
from artifacts.references import external_stores, uris
from artifacts.references.external_stores import Coverage
from artifacts.references.uris import Location

_LINKED_SCHEMES = ("http", "https")
# Of a team of which the reader learns nothing.
_UNNAMED = "another team's store"


@dataclass(frozen=True, slots=True)
class DisplayedReference:
    """`uri` is for people to read and copy, and `is_cut` where the one that is kept has more than may be shown.

    `link` is what a browser can open, "" for anything else; `store` is the name of the external store that covers it,
    "" where none does; `keeper` is that, or else bucket or host.
    """

    uri: str
    link: str
    keeper: str
    store: str
    is_cut: bool


def attach(files: Iterable[ArtifactFile]) -> None:
    """Each reference among these files of one version gets its `reference`; the version was found by `lookups`."""
    coverages: list[Coverage] | None = None
    for file in files:
        if file.reference_uri is not None:
            coverages = _coverages(file.version) if coverages is None else coverages
            file.reference = view(file.reference_uri, coverages)


def _coverages(version: ArtifactVersion) -> list[Coverage]:
    """By whose stores its references are read; without the names of these where the reader sees a link alone."""
    found = external_stores.coverages(version)
    if version.is_link and version.visible_source is None:
        return [coverage._replace(name=_UNNAMED) for coverage in found]
    return found


def view(uri: str, coverages: Iterable[Coverage] = ()) -> DisplayedReference:
    """Of a URI as it is kept, whatever it is, and what the external stores of its team cover."""
    text = uris.without_secrets(uri)
    is_cut = text != uri
    try:
        location = uris.parse(uri)
    except errors.RegistryError:
        # Of what is no reference today, its scheme.
        return DisplayedReference(text, "", text.partition(":")[0][:32], "", is_cut)
    store = next((coverage.name for coverage in coverages if coverage.covers(location)), "")
    link = text if _is_web(text) and not is_cut else ""
    return DisplayedReference(text, link, store or _host(location), store, is_cut)


def _is_web(uri: str) -> bool:
    """Whether it is a URL of the web, by the scheme that a browser would take it for."""
    try:
        parts = urlsplit(uri)
    except ValueError:
        return False
    return parts.scheme in _LINKED_SCHEMES and bool(parts.hostname) and uri.startswith(f"{parts.scheme}://")


def _host(location: Location) -> str:
    """`s3://bucket` or `example.org`."""
    if location.bucket and not location.account:
        return f"{location.scheme}://{location.bucket}"
    return location.host or location.scheme
