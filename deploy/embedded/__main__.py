"""`make run`: what the Procfile lists, with SQLite and a directory as the broker, and a first project to look at."""

from deploy import child_processes, launcher
from deploy.procfile import ROOT, Formation


class EmbeddedLauncher(launcher.Launcher):
    command = "make run"
    formation = Formation()

    def welcome(self, credentials: dict[str, str], *, is_first_start: bool) -> None:
        """Log the demo data once, as the first user. What was deleted since does not come back."""
        done = self.var / "demo-logged"
        if done.exists() or not credentials:
            return
        launcher.print_now("Logging a first project through the SDK …")
        settings = {"BASE_URL": self.local_url, "API_KEY": credentials["api_key"], "MODE": "online", "SILENT": "1"}
        environment = {f"WANLLMDB_{name}": value for name, value in settings.items()}
        demo = child_processes.start(self.var, "deploy.embedded.demo_data", environment=environment)
        if demo.wait() == 0:
            done.touch()
        else:
            launcher.print_now("That did not work; the next start tries again.")

    def hints(self, credentials: dict[str, str]) -> list[str]:
        return [
            "  from Python, after `pip install .` in this directory:",
            "",
            "    import wanllmdb as wandb",
            f'    wandb.login("{credentials["api_key"]}", "{credentials["base_url"]}")',
            f'    wandb.Api().artifact("{credentials["username"]}/first-steps/houses:production").download()',
            "",
            "  records over HTTP, without a key on this machine:",
            "",
            f"    curl {credentials['base_url']}/h/{credentials['username']}/first-steps/experiments/api/v1/artifacts",
        ]


if __name__ == "__main__":
    EmbeddedLauncher(ROOT / "var").main()
