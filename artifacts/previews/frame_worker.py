"""A sandboxed process: writes one frame as text."""

from artifacts.previews import frame_conversion, sandbox_worker
from artifacts.previews.reader import Reader
from artifacts.previews.results import FormatMismatch, PreviewTooLarge

# In characters: a message has at most 8 MiB.
_CHUNK = 2**20


def main() -> None:
    job = sandbox_worker.read_job()
    reader = Reader(job["size"], sandbox_worker.request_range)
    try:
        for part in frame_conversion.convert(reader, job["format"]):
            for start in range(0, len(part), _CHUNK):
                sandbox_worker.write_message(part=part[start : start + _CHUNK])
    except PreviewTooLarge as error:
        sandbox_worker.write_message(too_large=str(error))
    except FormatMismatch as error:
        sandbox_worker.write_message(mismatch=str(error))
    else:
        sandbox_worker.write_message(done=None)


if __name__ == "__main__":
    main()
