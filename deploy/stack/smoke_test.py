"""Uses the running stack once as people and programs do, through the front: `python -m deploy.stack.smoke_test`.

It signs in, logs, downloads, moves an alias, opens a page, and asks for the state of all parts. What it has made is
deleted at the end.
"""

import json
import os
import secrets
import sys
import tempfile
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from http.cookiejar import CookieJar
from pathlib import Path

import wanllmdb as wandb
from deploy import launcher, var_directory
from deploy.procfile import ROOT
from deploy.stack.__main__ import AUTHORITY
from wanllmdb.sdk.http_client import Client

# Workers verify what was logged, and beat has told of itself.
SOON = 60.0


class SmokeTest:
    def __init__(self, var: Path) -> None:
        self.credentials = var_directory.read_credentials(var)
        self.url = self.credentials["base_url"]
        os.environ |= {
            "SSL_CERT_FILE": str(var / AUTHORITY),
            "WANLLMDB_BASE_URL": self.url,
            "WANLLMDB_API_KEY": self.credentials["api_key"],
            "WANLLMDB_SILENT": "1",
        }
        self.browser = launcher.opener(var / AUTHORITY)
        self.browser.add_handler(urllib.request.HTTPCookieProcessor(CookieJar()))
        self.project = f"{self.credentials['username']}/smoke-test-{secrets.token_hex(4)}"
        self.model = f"{self.project}/model"

    def run(self) -> None:
        with step("sign in with the password"):
            self.sign_in()
        try:
            with step("log two versions with the SDK, download one, compare its bytes"):
                self.log_and_download()
            with step("move an alias, and find the version by it"):
                self.move_alias()
            with step("open the page of the aliases"):
                page = wandb.Api().collection(self.model).url.removeprefix(self.url)
                assert "production" in self.open(f"{page}/aliases")
            with step("have a worker verify the files"):
                self.wait_until(self.is_verified)
            with step("ask for the state of all parts"):
                self.wait_until(self.is_whole)
        finally:
            with step("delete the project"):
                self.delete_project()

    def open(self, path: str, form: dict[str, str] | None = None) -> str:
        request = urllib.request.Request(self.url + path, headers={"Referer": self.url + path})
        if form is not None:
            request.data = urllib.parse.urlencode(form).encode()
        with self.browser.open(request, timeout=30) as response:
            return response.read().decode()

    def sign_in(self) -> None:
        token = self.open("/login").partition('name="csrfmiddlewaretoken" value="')[2].partition('"')[0]
        names = {name: self.credentials[name] for name in ("username", "password")}
        assert "/logout" in self.open("/login", names | {"csrfmiddlewaretoken": token})

    def log_and_download(self) -> None:
        contents = [secrets.token_bytes(100_000) for _ in range(2)]
        with tempfile.TemporaryDirectory() as directory:
            os.chdir(directory)
            for content in contents:
                with wandb.init(project=self.project) as run:
                    artifact = wandb.Artifact("model", "model")
                    with artifact.new_file("weights.bin", "wb") as file:
                        file.write(content)
                    run.log_artifact(artifact).wait()
            got = Path(wandb.Api().artifact(f"{self.model}:v1").download(f"{directory}/got")) / "weights.bin"
            assert got.read_bytes() == contents[0]
            os.chdir(ROOT)

    def move_alias(self) -> None:
        for version in ("v1", "v2"):
            wandb.registry.transition_stage(self.model, version, "production")
            assert wandb.Api().artifact(f"{self.model}:production").version == version

    def is_verified(self) -> bool:
        return {file.integrity for file in wandb.Api().artifact(f"{self.model}:production").files()} == {"verified"}

    def is_whole(self) -> bool:
        try:
            return set(json.loads(self.open("/readyz")).values()) == {"ok"}
        except urllib.error.HTTPError:
            return False

    def delete_project(self) -> None:
        client = Client(self.url, self.credentials["api_key"])
        for project in wandb.Api().projects():
            if project.full_name == self.project:
                client.delete(f"/projects/{project.id}")

    def wait_until(self, holds) -> None:
        deadline = time.monotonic() + SOON
        while not holds():
            assert time.monotonic() < deadline, f"not so after {SOON:.0f} s"
            time.sleep(0.2)


@contextmanager
def step(what: str) -> Iterator[None]:
    begun = time.monotonic()
    try:
        yield
    except Exception as error:
        sys.exit(f"Smoke test: to {what} failed: {type(error).__name__}: {error}")
    print(f"Smoke test: {what}: ok ({time.monotonic() - begun:.1f} s)", flush=True)


def main() -> None:
    var = Path(os.environ.get("WANLLMDB_VAR_DIR") or ROOT / "var" / "stack").resolve()
    if not var_directory.read_credentials(var):
        sys.exit(f"There is no credentials.json in {var}: has `make stack` been started there?")
    SmokeTest(var).run()


if __name__ == "__main__":
    main()
