"""Move aliases: by logging, explicitly, conditionally, and back again.

Run it against your server:  WANLLMDB_BASE_URL=… WANLLMDB_API_KEY=… python examples/alias_workflow_moving.py
"""

import os

import wanllmdb as wandb

PROJECT = os.environ.get("WANLLMDB_PROJECT", "alias-workflows")


def main() -> None:
    with wandb.init(project=PROJECT, job_type="release") as run:
        # First run: latest → v1. Second run: latest → v2 (moved).
        old = log(run, ["latest", "blue"])
        new = log(run, ["latest", "green"])
        assert run.use_artifact("moved:latest").version == new.version

        # Explicitly, with a reason. A move with `expect` never overwrites somebody else's.
        wandb.registry.transition_stage("moved", old.version, "Production")
        wandb.registry.transition_stage("moved", new.version, "Production", comment="Faster", expect=old.version)
        try:
            wandb.registry.transition_stage("moved", new.version, "Production", expect=old.version)
        except wandb.AliasMoved as moved:
            print(f"Somebody else has moved it: {moved}")
            assert moved.version == new.version

        # Back to the previous version; and two aliases exchange their versions in one step.
        assert wandb.registry.rollback("moved", "production", reason="It leaks memory").version == old.version
        assert wandb.registry.swap("moved", "blue", "green") == {"blue": new.version, "green": old.version}

        for change in wandb.registry.history("moved", "production"):
            print(f"{change.created_at}  {change.from_version} → {change.to_version}  {change.reason}")


def log(run: wandb.Run, aliases: list[str]) -> wandb.Artifact:
    """Log a version with new contents."""
    artifact = wandb.Artifact("moved", type="model")
    with artifact.new_file("weights.bin", "wb") as file:
        file.write(os.urandom(50_000))
    return run.log_artifact(artifact, aliases=aliases)


if __name__ == "__main__":
    main()
