"""Previews of what is in the object store for a record: made in the sandbox, where nothing is unpickled or run."""

from artifacts.previews import sandbox
from artifacts.previews.reader import Reader
from artifacts.previews.results import NoPreview, Preview, PreviewTooLarge, TooLarge
from core import errors
from hierarchies import payloads
from hierarchies.models import RecordPayload
from wanllmdb.records.typed_data import DATAFRAME_CONTENT_TYPE, PICKLE_CONTENT_TYPE

# The sandbox knows formats by the names of files.
_SUFFIXES = {
    PICKLE_CONTENT_TYPE: ".pkl",
    DATAFRAME_CONTENT_TYPE: ".dataframe.json",
    "application/vnd.apache.parquet": ".parquet",
    "application/x-parquet": ".parquet",
    "application/parquet": ".parquet",
    "text/csv": ".csv",
    "text/tab-separated-values": ".tsv",
    "application/x-ndjson": ".jsonl",
    "application/jsonl": ".jsonl",
    "application/json": ".json",
    "text/markdown": ".md",
}
# What a page of a file has the browser fetch.
_DOWNLOAD_IT = "No preview of images, audio, video, PDF and notebooks here: download it."
_SHOWN_BY_BROWSERS = ("image", "document", "media", "notebook")


def preview(payload: RecordPayload, person: str, rows: str = "") -> Preview:
    """The preview for this person, whatever the bytes are: at least `NoPreview`, with the reason."""
    try:
        reader = Reader(payload.size, lambda offset, length: payloads.read_range(payload, offset, length))
        found = sandbox.preview(file_name(payload), reader, person, rows)
    except PreviewTooLarge as error:
        return TooLarge(str(error))
    except errors.RegistryError as error:
        return NoPreview(str(error), is_busy=isinstance(error, errors.Busy))
    return (
        NoPreview("No preview of images, audio, video and PDF here: download it.")
        if found.kind in _SHOWN_BY_BROWSERS
        else found
    )


def file_name(payload: RecordPayload) -> str:
    """By its content type alone: what it is called in the data may be anything."""
    content_type = payload.content_type.partition(";")[0].strip().lower()
    return f"data{_SUFFIXES.get(content_type, '')}"
