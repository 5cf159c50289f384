"""A sandboxed process: renders one text of Markdown."""

from artifacts.previews import sandbox_worker
from artifacts.previews.markdown_html import render


def main() -> None:
    sandbox_worker.write_message(done=render(sandbox_worker.read_job()["text"]))


if __name__ == "__main__":
    main()
