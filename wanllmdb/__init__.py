"""wanLLMDB from Python: `import wanllmdb as wandb`, then `init`, `log_artifact`, `use_artifact`.

The import loads neither the SDK nor any dependency nor the server: each name is loaded when it is first used.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from wanllmdb.sdk import __version__ as __version__
    from wanllmdb.sdk import errors as errors
    from wanllmdb.sdk import registry as registry
    from wanllmdb.sdk.api import Api as Api
    from wanllmdb.sdk.api import Collection as Collection
    from wanllmdb.sdk.arguments import AlertLevel as AlertLevel
    from wanllmdb.sdk.artifact import Artifact as Artifact
    from wanllmdb.sdk.artifact_file import File as File
    from wanllmdb.sdk.errors import AliasMoved as AliasMoved
    from wanllmdb.sdk.errors import AliasNotFound as AliasNotFound
    from wanllmdb.sdk.errors import AliasProtected as AliasProtected
    from wanllmdb.sdk.errors import AliasTargetRefused as AliasTargetRefused
    from wanllmdb.sdk.errors import AlreadyLogged as AlreadyLogged
    from wanllmdb.sdk.errors import AuthenticationError as AuthenticationError
    from wanllmdb.sdk.errors import BrokenReference as BrokenReference
    from wanllmdb.sdk.errors import BytesMismatch as BytesMismatch
    from wanllmdb.sdk.errors import CacheError as CacheError
    from wanllmdb.sdk.errors import Conflict as Conflict
    from wanllmdb.sdk.errors import CorruptDownload as CorruptDownload
    from wanllmdb.sdk.errors import Denied as Denied
    from wanllmdb.sdk.errors import Error as Error
    from wanllmdb.sdk.errors import FileChanged as FileChanged
    from wanllmdb.sdk.errors import Invalid as Invalid
    from wanllmdb.sdk.errors import InvalidName as InvalidName
    from wanllmdb.sdk.errors import InvalidPath as InvalidPath
    from wanllmdb.sdk.errors import LinkRefused as LinkRefused
    from wanllmdb.sdk.errors import NameReserved as NameReserved
    from wanllmdb.sdk.errors import NameTaken as NameTaken
    from wanllmdb.sdk.errors import NotFound as NotFound
    from wanllmdb.sdk.errors import NothingBefore as NothingBefore
    from wanllmdb.sdk.errors import NotInitialized as NotInitialized
    from wanllmdb.sdk.errors import NotLogged as NotLogged
    from wanllmdb.sdk.errors import PackDiffers as PackDiffers
    from wanllmdb.sdk.errors import PathTaken as PathTaken
    from wanllmdb.sdk.errors import ProposalDecided as ProposalDecided
    from wanllmdb.sdk.errors import ProposalOpen as ProposalOpen
    from wanllmdb.sdk.errors import ReadOnlyKey as ReadOnlyKey
    from wanllmdb.sdk.errors import ReferenceChanged as ReferenceChanged
    from wanllmdb.sdk.errors import ReferenceUnreachable as ReferenceUnreachable
    from wanllmdb.sdk.errors import RuleTaken as RuleTaken
    from wanllmdb.sdk.errors import ServerError as ServerError
    from wanllmdb.sdk.errors import TooLarge as TooLarge
    from wanllmdb.sdk.errors import TypeDiffers as TypeDiffers
    from wanllmdb.sdk.errors import Unavailable as Unavailable
    from wanllmdb.sdk.errors import Unreachable as Unreachable
    from wanllmdb.sdk.errors import VersionFinalized as VersionFinalized
    from wanllmdb.sdk.errors import VersionHasAliases as VersionHasAliases
    from wanllmdb.sdk.errors import VersionIncomplete as VersionIncomplete
    from wanllmdb.sdk.errors import VersionNotFound as VersionNotFound
    from wanllmdb.sdk.errors import WaitTimeout as WaitTimeout
    from wanllmdb.sdk.errors import WanLLMDBError as WanLLMDBError
    from wanllmdb.sdk.json_values import SyncedDict
    from wanllmdb.sdk.lineage.graph import Lineage as Lineage
    from wanllmdb.sdk.lineage.graph import LineageEdge as LineageEdge
    from wanllmdb.sdk.lineage.graph import LineageNode as LineageNode
    from wanllmdb.sdk.lineage.impact import Affected as Affected
    from wanllmdb.sdk.lineage.impact import Impact as Impact
    from wanllmdb.sdk.login import login as login
    from wanllmdb.sdk.manifest import Entry as Entry
    from wanllmdb.sdk.manifest import Manifest as Manifest
    from wanllmdb.sdk.media.audio import Audio as Audio
    from wanllmdb.sdk.media.audio import Video as Video
    from wanllmdb.sdk.media.base import Media as Media
    from wanllmdb.sdk.media.histogram import Histogram as Histogram
    from wanllmdb.sdk.media.html import Html as Html
    from wanllmdb.sdk.media.image import Image as Image
    from wanllmdb.sdk.media.table import Table as Table
    from wanllmdb.sdk.metrics import Metric as Metric
    from wanllmdb.sdk.model_registry import ModelRegistry as ModelRegistry
    from wanllmdb.sdk.models import AliasChange as AliasChange
    from wanllmdb.sdk.models import AliasProposal as AliasProposal
    from wanllmdb.sdk.models import Project as Project
    from wanllmdb.sdk.models import RunRecord as RunRecord
    from wanllmdb.sdk.progress import TransferProgress as TransferProgress
    from wanllmdb.sdk.run import Run as Run
    from wanllmdb.sdk.run_files.stored_file import RunFile as RunFile
    from wanllmdb.sdk.run_settings import Settings as Settings
    from wanllmdb.sdk.session import alert as alert
    from wanllmdb.sdk.session import define_metric as define_metric
    from wanllmdb.sdk.session import finish as finish
    from wanllmdb.sdk.session import init as init
    from wanllmdb.sdk.session import link_model as link_model
    from wanllmdb.sdk.session import log as log
    from wanllmdb.sdk.session import log_artifact as log_artifact
    from wanllmdb.sdk.session import log_model as log_model
    from wanllmdb.sdk.session import mark_preempting as mark_preempting
    from wanllmdb.sdk.session import restore as restore
    from wanllmdb.sdk.session import save as save
    from wanllmdb.sdk.session import setup as setup
    from wanllmdb.sdk.session import teardown as teardown
    from wanllmdb.sdk.session import unwatch as unwatch
    from wanllmdb.sdk.session import use_artifact as use_artifact
    from wanllmdb.sdk.session import use_model as use_model
    from wanllmdb.sdk.session import watch as watch
    from wanllmdb.sdk.stored_run import StoredRun as StoredRun

    run: Run | None
    config: SyncedDict
    summary: SyncedDict

_NAMES_BY_MODULE = {
    "": "__version__",
    "api": "Api Collection",
    "artifact": "Artifact",
    "artifact_file": "File",
    "arguments": "AlertLevel",
    "errors": "AliasMoved AliasNotFound AliasProtected AliasTargetRefused AlreadyLogged AuthenticationError "
    "BrokenReference BytesMismatch CacheError Conflict CorruptDownload Denied Error FileChanged Invalid InvalidName "
    "InvalidPath LinkRefused NameReserved NameTaken NotFound NotInitialized NotLogged NothingBefore PackDiffers "
    "PathTaken ProposalDecided ProposalOpen ReadOnlyKey ReferenceChanged ReferenceUnreachable RuleTaken ServerError "
    "TooLarge TypeDiffers Unavailable Unreachable VersionFinalized VersionHasAliases VersionIncomplete "
    "VersionNotFound WaitTimeout WanLLMDBError",
    "lineage.graph": "Lineage LineageEdge LineageNode",
    "lineage.impact": "Affected Impact",
    "login": "login",
    "manifest": "Entry Manifest",
    "media.audio": "Audio Video",
    "media.base": "Media",
    "media.histogram": "Histogram",
    "media.html": "Html",
    "media.image": "Image",
    "media.table": "Table",
    "metrics": "Metric",
    "model_registry": "ModelRegistry",
    "models": "AliasChange AliasProposal Project RunRecord",
    "progress": "TransferProgress",
    "run": "Run",
    "run_files.stored_file": "RunFile",
    "run_settings": "Settings",
    "session": "alert define_metric finish init link_model log log_artifact log_model mark_preempting restore "
    "save setup teardown unwatch use_artifact use_model watch",
    "stored_run": "StoredRun",
}
_MODULE_OF = {
    name: f"wanllmdb.sdk.{module}".rstrip(".") for module, names in _NAMES_BY_MODULE.items() for name in names.split()
}
# Public modules: `wandb.registry.rollback(…)`, `except wandb.errors.AliasMoved`.
_MODULES = ("errors", "registry")
# These change with every `init` and `finish`, so they are looked up each time.
_RUN_ATTRIBUTES = ("config", "run", "summary")

__all__ = [*_MODULES, *_MODULE_OF]


def __getattr__(name: str) -> Any:
    if name in _RUN_ATTRIBUTES:
        session = import_module("wanllmdb.sdk.session")
        return session.current_run() if name == "run" else getattr(session.require_run(name), name)
    if name in _MODULES:
        return import_module(f"wanllmdb.sdk.{name}")
    if name not in _MODULE_OF:
        if name.startswith("__"):
            raise AttributeError(f"module 'wanllmdb' has no attribute {name!r}")
        raise import_module("wanllmdb.sdk.wandb_names").missing("", name)
    value = globals()[name] = getattr(import_module(_MODULE_OF[name]), name)
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__, *_RUN_ATTRIBUTES})
