"""Log a dataset, derive one from it, train a model, and ask what came from what.

Run it against your server:  WANLLMDB_BASE_URL=… WANLLMDB_API_KEY=… python examples/lineage.py
"""

import os

import wanllmdb as wandb

PROJECT = os.environ.get("WANLLMDB_PROJECT", "my-project")


def main() -> None:
    # A run that logs a dataset
    with wandb.init(project=PROJECT, job_type="collect", reinit=True) as run:
        customers = run.log_artifact(dataset("lineage-customers", "id,spent\n1,20\n2,\n3,7\n"), aliases=["production"])

    # A dataset that was made from it, by hand
    clean = dataset("lineage-customers-clean", "id,spent\n1,20\n3,7\n", derived_from=[customers])

    # A run that uses one version and logs another
    with wandb.init(project=PROJECT, job_type="train", reinit=True) as run:
        run.log_artifact(clean)
        data = run.use_artifact("lineage-customers:production")
        model = wandb.Artifact("lineage-model", type="model")
        with model.new_file("weights.txt") as file:
            file.write(data.digest)
        run.log_artifact(model)

    # Where does the model come from?
    lineage = model.lineage(direction="upstream")
    for edge in lineage.edges:
        source, target = lineage.node(edge.source), lineage.node(edge.target)
        names = f" as {', '.join(edge.requested_as)}" if edge.requested_as else ""
        print(f"{source.qualified_name} -- {edge.kind}{names} --> {target.qualified_name}")
    assert customers.id in {node.id for node in lineage}

    # What would break if the customers changed?
    impact = customers.impact()
    affected = {item.id for item in impact}
    assert {clean.id, model.id} <= affected
    print(f"{len(affected)} versions and runs are downstream of {customers.qualified_name}")

    # A picture for a README
    print(lineage.to_mermaid())


def dataset(name: str, rows: str, **arguments: object) -> wandb.Artifact:
    artifact = wandb.Artifact(name, type="dataset", **arguments)
    with artifact.new_file("customers.csv") as file:
        file.write(rows)
    return artifact


if __name__ == "__main__":
    main()
