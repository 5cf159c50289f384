"""Previews and comparisons of files of the registry. What their bytes mean is found out in a sandboxed process."""

from artifacts import errors
from artifacts.content import downloads
from artifacts.models import ArtifactFile
from artifacts.previews import image_preview, sandbox
from artifacts.previews.comparison_results import Comparison, NoComparison
from artifacts.previews.reader import Reader
from artifacts.previews.results import FormatMismatch, Image, NoPreview, Preview, PreviewTooLarge, TooLarge


def preview(file: ArtifactFile, person: str) -> Preview:
    """The preview of the file for this person, whatever its bytes are: at least `NoPreview`, with the reason."""
    try:
        downloads.require_readable(file)
        return sandbox.preview(file.name, _reader(file), person)
    except PreviewTooLarge as error:
        return TooLarge(str(error))
    except errors.RegistryError as error:
        return NoPreview(str(error))


def compare(before: ArtifactFile, after: ArtifactFile, person: str) -> Comparison:
    """What differs between the contents of two files of one name: at least `NoComparison`, with the reason."""
    try:
        for file in (before, after):
            downloads.require_readable(file)
        return sandbox.compare(after.name, _reader(before), _reader(after), person)
    except PreviewTooLarge:
        return NoComparison("Too large to compare by its contents.")
    except errors.RegistryError as error:
        return NoComparison(str(error))


def image(file: ArtifactFile) -> Image:
    """Type and size of an image, before it is sent as one. Raises `Missing` if it is not shown as an image."""
    downloads.require_readable(file)
    try:
        return image_preview.preview(_reader(file))
    except (FormatMismatch, PreviewTooLarge) as error:
        raise errors.Missing(f"{file.path!r} is not shown as an image.") from error


def _reader(file: ArtifactFile) -> Reader:
    return Reader(file.size, lambda offset, length: downloads.read_range(file, offset, length))
