"""A sandboxed process: renders one card."""

from artifacts.previews import card_html, front_matter, sandbox_worker


def main() -> None:
    job = sandbox_worker.read_job()
    yaml, body = front_matter.split(job["text"])
    fields = vars(front_matter.read(yaml))
    location = card_html.Location(job["version_url"], job["folder"])
    if card_html.has_code(body):
        # A lexer can backtrack for minutes: then the code has no colours.
        sandbox_worker.write_message(meanwhile=fields | {"html": card_html.render(body, location, has_colours=False)})
    sandbox_worker.write_message(done=fields | {"html": card_html.render(body, location)})


if __name__ == "__main__":
    main()
