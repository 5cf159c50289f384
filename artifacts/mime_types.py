"""The MIME types that files have by their names."""

import mimetypes
from functools import lru_cache

_UNKNOWN = "application/octet-stream"


def guess(path: str) -> str:
    """What the standard library makes of the path; of files with the same suffix it is asked once."""
    name = path.rpartition("/")[2]
    stem, _, suffix = name.rpartition(".")
    # `x.csv.gz` has the type of what is compressed, and `.csv` has no suffix.
    if f".{suffix}" in mimetypes.encodings_map or not stem.strip("."):
        return mimetypes.guess_type(name)[0] or _UNKNOWN
    return _of_suffix(suffix)


@lru_cache(maxsize=1024)
def _of_suffix(suffix: str) -> str:
    return mimetypes.guess_type(f"x.{suffix}")[0] or _UNKNOWN
