"""A sandboxed process: compares two files of a kind."""

from functools import partial

from artifacts.previews import comparison_formats, sandbox_worker
from artifacts.previews.comparison_results import NoComparison, to_json
from artifacts.previews.reader import Reader
from artifacts.previews.results import FormatMismatch, PreviewTooLarge


def main() -> None:
    job = sandbox_worker.read_job()
    before, after = (
        Reader(size, partial(sandbox_worker.request_range, file=file)) for file, size in enumerate(job["sizes"])
    )
    try:
        comparison = comparison_formats.compare(job["name"], before, after)
    except FormatMismatch as error:
        comparison = NoComparison(str(error))
    except PreviewTooLarge as error:
        sandbox_worker.write_message(too_large=str(error))
        return
    sandbox_worker.write_message(done=to_json(comparison))


if __name__ == "__main__":
    main()
