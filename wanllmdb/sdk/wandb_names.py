"""What `wandb` has and wanLLMDB has not: which arguments do nothing here and why, and a sentence for missing names."""

from __future__ import annotations

_NO_ANONYMOUS = "every user has an API key"
_NO_CODE = "no code is saved by itself: call run.log_code()"
_NO_FORKS = "a run begins anew, or goes on with id and resume"
_NO_LOCAL_COPY = "files are read where they are when the artifact is logged"
_NO_ROLES = "a run uses an artifact under its own name"
_NO_TENSORBOARD = "event files of TensorBoard are not read: pass values to log"
_WHOLE = "the list is whole"
_OWN_TIMEOUT = "requests are retried for up to 45 seconds"

INIT = {
    "allow_val_change": "values of the config may always change",
    "anonymous": _NO_ANONYMOUS,
    "force": "a run needs an API key in any case",
    "fork_from": _NO_FORKS,
    "magic": "nothing is logged by itself",
    "monitor_gym": "no videos are recorded",
    "resume_from": _NO_FORKS,
    "save_code": _NO_CODE,
    "sync_tensorboard": _NO_TENSORBOARD,
    "tensorboard": _NO_TENSORBOARD,
}
LOG = {"sync": "values are sent in the background"}
LOGIN = {
    "anonymous": _NO_ANONYMOUS,
    "force": "a key is needed in any case",
    "referrer": "nothing is counted",
    "timeout": "the prompt waits for an answer",
    "verify": "a key is always checked",
}
FINISH = {"quiet": "the end of a run prints nothing"}
SAVE = {"glob": "it is glob_str"}
ARTIFACT = {
    "digest_algorithm": "all digests are sha256",
    "incremental": "a version has the files that were added to it",
    "storage_region": "the server has one object store",
    "use_as": _NO_ROLES,
}
ADD_FILE = {"is_tmp": _NO_LOCAL_COPY, "policy": _NO_LOCAL_COPY, "skip_cache": _NO_LOCAL_COPY}
ADD_DIR = {**ADD_FILE, "merge": "the directory of an artifact may get files of several directories"}
DOWNLOAD = {"multipart": "large files are always fetched in parts"}
USE_ARTIFACT = {"aliases": "a run uses a version, whatever its aliases are", "use_as": _NO_ROLES}
API = {"timeout": _OWN_TIMEOUT}
FILES = {"per_page": _WHOLE, "start": _WHOLE}
PAGES = {"order": "lists begin with what is newest", "start": "lists begin with what is newest"}
ARTIFACTS = {"project_name": "project", "tags": "tag", "type_name": "type"}
RUNS = {"include_sweeps": "there are no sweeps", "lazy": "the server chooses what a list leaves out"}
HISTORY = {"stream": "metrics of the system are not recorded", "use_cache": "there is no cache of histories"}

_MEDIA = "there is no such media type: log an Image, Audio, Video, Html, Table or Histogram, or files with save"
_SWEEPS = "there are no sweeps: start a run for each set of parameters, and compare them on the page of the project"
_ON_PAGES = "this is done on the pages of the server"
_NO_AUTOMATIONS = "there are no automations: webhooks are set up on the pages of the server"

_MEDIA_TYPES = (
    "EvalTable Object3D Molecule Plotly Graph Classes ImageMask JoinedTable PartitionedTable BoundingBoxes2D plot "
    "plot_table box3d data_types"
)

# By class, or "" for the module.
_MISSING: dict[str, dict[str, str]] = {
    "": {
        **dict.fromkeys(_MEDIA_TYPES.split(), _MEDIA),
        **dict.fromkeys(("sweep", "agent", "controller"), _SWEEPS),
        "ArtifactTTL": "set artifact.ttl to a timedelta, or to None",
        "apis": "use wandb.Api()",
        "keras": "there are no callbacks: call log in one of your own",
        "integration": "there are no integrations: call log in a callback of your own",
        "join": "use finish()",
        "require": "there is nothing to switch on",
    },
    "Run": {
        **dict.fromkeys(("upsert_artifact", "finish_artifact"), "each artifact is logged by one process: log_artifact"),
        **dict.fromkeys(("sweep_url", "sweep_id"), _SWEEPS),
        **dict.fromkeys(("display", "to_html"), "open run.url in a browser"),
        "restore": "use wandb.restore(name)",
        "write_logs": "print it",
        "config_static": "use run.config.as_dict()",
        "join": "use finish()",
        "pin_config_keys": _ON_PAGES,
        "status": "use run.state",
    },
    "Artifact": {
        "add": _MEDIA,
        "get": _MEDIA,
        "new_draft": "create a new Artifact with this name, and add_dir what download() returned",
    },
    "Api": {
        **dict.fromkeys(("sweep", "sweeps"), _SWEEPS),
        **dict.fromkeys(("create_team", "create_user", "team", "user", "users", "organization"), _ON_PAGES),
        **dict.fromkeys(("automation", "automations", "create_automation", "integrations"), _NO_AUTOMATIONS),
        **dict.fromkeys(("registry", "registries", "create_registry"), "use wandb.registry, which moves aliases"),
        **dict.fromkeys(("reports", "create_custom_chart"), "there are no reports"),
        **dict.fromkeys(("job", "list_jobs", "run_queue", "queued_run", "create_run_queue"), "there are no job queues"),
        "create_run": "use wandb.init()",
        "from_path": "use run(path) or artifact(name)",
    },
    "StoredRun": {
        **dict.fromkeys(("update", "save"), "change a run with init(id=…, resume='must')"),
        **dict.fromkeys(("sweep", "sweep_name"), _SWEEPS),
        "console_logs": "the page of the run has what it printed",
        "system_metrics": "metrics of the system are not recorded",
        "wait_until_finished": "fetch it again with Api().run(run.path), and look at its state",
    },
}  # fmt: skip


def missing(kind: str, name: str) -> AttributeError:
    """The error for a name that a class, or with "" the module, does not have; with a sentence if `wandb` has it."""
    owner = f"{kind!r} object" if kind else "module 'wanllmdb'"
    reason = _MISSING.get(kind, {}).get(name)
    return AttributeError(f"{owner} has no attribute {name!r}" + (f", unlike in wandb: {reason}" if reason else ""))
