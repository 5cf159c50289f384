"""The public class `Settings`: what `init(settings=…)` takes besides its own arguments, as `wandb.Settings` has it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from wanllmdb.sdk import errors
from wanllmdb.sdk.arguments import excerpt, warn_once

# What `init` calls it, by the names that `wandb` has.
_NAMES = {
    **{name: name for name in ("api_key", "base_url", "entity", "git_commit", "host", "mode", "project", "reinit")},
    **{name: name for name in ("console", "resume", "silent")},
    "git_remote_url": "git_remote",
    "quiet": "silent",
    "root_dir": "dir",
    "run_group": "group",
    "run_id": "id",
    "run_job_type": "job_type",
    "run_name": "name",
    "run_notes": "notes",
    "run_tags": "tags",
}
_IGNORED = (
    "allow_media_symlink allow_offline_artifacts allow_val_change anonymous app_url_override "
    "azure_account_url_to_access_key capture_loggers code_dir config_paths "
    "console_chunk_max_bytes console_chunk_max_seconds console_multipart credentials_file disable_code "
    "disable_git disable_git_fork_point disable_job_creation docker email finish_timeout "
    "finish_timeout_raises force fork_from git_remote git_root heartbeat_seconds http_proxy https_proxy "
    "identity_token_file ignore_globs init_timeout insecure_disable_ssl job_name job_source label_disable "
    "launch launch_config_path login_timeout magic max_end_of_run_history_metrics "
    "max_end_of_run_summary_metrics notebook_name organization program program_abspath program_relpath "
    "relogin resume_from resumed sagemaker_disable save_code settings_system show_colors show_emoji "
    "show_errors show_info show_warnings start_method stop_fn stop_on_fatal_error strict summary_timeout "
    "summary_warnings sweep_id sweep_param_path symlink sync_tensorboard "
    "table_raise_on_max_row_limit_exceeded use_dot_wandb username "
)


class Settings:
    """Values for `init(settings=…)`: `project`, `entity`, `mode`, `base_url`, `run_name`, `run_tags`, `silent` …

    With `console="off"` what the program prints is not recorded.

    Other settings of `wandb` do nothing, and one warning names them. Raises `TypeError` for names that it has not.
    """

    def __init__(self, **values: Any) -> None:
        ignored = []
        self._values: dict[str, Any] = {}
        for name, value in values.items():
            if name in _NAMES:
                self._values[_NAMES[name]] = value
            elif name in _IGNORED.split() or name.startswith(("_", "x_")):
                ignored += [name] if value is not None else []
            else:
                raise TypeError(f"Settings() got an unexpected keyword argument {name!r}")
        if ignored:
            warn_once(f"Settings({', '.join(f'{name}=…' for name in ignored)})", "wanLLMDB has no such settings")

    def __repr__(self) -> str:
        return f"<Settings {', '.join(sorted(self._values))}>"


def merge(settings: object, **arguments: Any) -> dict[str, Any]:
    """The arguments of `init`, those that are None from the settings. Raises `Invalid` for what are no settings."""
    if isinstance(settings, Mapping) and all(isinstance(name, str) for name in settings):
        settings = Settings(**settings)
    if settings is not None and not isinstance(settings, Settings):
        raise errors.Invalid(f"init: settings takes a Settings or a dict, not {excerpt(settings)}")
    known = settings._values if settings is not None else {}
    return {**known, **{name: value for name, value in arguments.items() if value is not None or name not in known}}
