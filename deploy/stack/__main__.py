"""`make stack`: PostgreSQL, Redis, the object store, two web servers and two workers, behind a front with TLS."""

import os
from pathlib import Path

from deploy import child_processes, launcher, ports, runtime_directory, var_directory
from deploy.procfile import ROOT, Formation
from deploy.stack import postgres

FIRST_PORT = 8443
AUTHORITY = "tls/pki/authorities/local/root.crt"


class StackLauncher(launcher.Launcher):
    command = "make stack"
    formation = Formation(
        procfiles=("Procfile", "deploy/stack/Procfile"),
        counts={"web": 2, "worker": 2},
        data=("postgres", "redis", "store"),
    )

    def __init__(self, var: Path) -> None:
        super().__init__(var)
        self.authority = self.var / AUTHORITY

    def prepare_directory(self) -> None:
        var_directory.create(self.var, ("log", "store", "tls"))
        if os.getuid() == 0:
            # PostgreSQL, which is another account then, passes through. All else in here is for its owner.
            for path in (self.var, ROOT / "var"):
                if self.var.is_relative_to(path):
                    path.chmod(0o711)

    def prepare_environment(self, requested_port: str | None) -> dict[str, str]:
        port = ports.free_web_port(requested_port, FIRST_PORT)
        # Signed addresses, which begin with this one, stay good over a restart.
        store_port = int(var_directory.read_env(self.var / "embedded.env").get("STORE_TLS_PORT", port))
        if store_port == port or not ports.is_free(store_port):
            store_port = ports.free_web_port(None, port + 1)
        host = os.environ.get("FRONT_HOST") or "localhost"
        bind = os.environ.get("FRONT_BIND") or "127.0.0.1"
        local = "127.0.0.1" if bind == "0.0.0.0" else bind
        return var_directory.save_environment(
            self.var,
            {
                "PORT": str(port),
                "BASE_URL": f"https://{host}:{port}",
                "ALLOWED_HOSTS": ",".join(sorted({host, local, "localhost", "127.0.0.1"})),
                # What the front calls itself, the addresses that it listens on and is asked at by this machine, and its
                # certificate: from an authority of its own (internal), or two files.
                "FRONT_HOST": host,
                "FRONT_BIND": bind,
                "FRONT_LOCAL": local,
                "FRONT_TLS": os.environ.get("FRONT_TLS") or "internal",
                # Only the front, by the sockets of the web servers.
                "TRUSTED_PROXIES": "unix",
                "STORE_TLS_PORT": str(store_port),
                "S3_PUBLIC_ENDPOINT_URL": f"https://{host}:{store_port}",
                "CELERY_BROKER_URL": f"redis+socket://{runtime_directory.create(self.var)}/redis.sock",
                "WEB_WORKERS": "1",
                **postgres.create(self.var / "postgres"),
            },
        )

    @property
    def local_url(self) -> str:
        return f"https://{os.environ['FRONT_LOCAL']}:{os.environ['PORT']}"

    def welcome(self, credentials: dict[str, str], *, is_first_start: bool) -> None:
        """Try it once, as a user would."""
        if is_first_start and os.environ["FRONT_HOST"] == "localhost":
            child_processes.start(self.var, "deploy.stack.smoke_test").wait()  # It says how that went.

    def hints(self, credentials: dict[str, str]) -> list[str]:
        if os.environ["FRONT_TLS"] != "internal":
            return []
        return [
            "  TLS       the authority that clients have to trust, in the browser and in programs:",
            f"            export SSL_CERT_FILE={self.authority}",
        ]


if __name__ == "__main__":
    StackLauncher(ROOT / "var" / "stack").main()
