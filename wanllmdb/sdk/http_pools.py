"""Pools of connections, through the proxy and with the certificates of the environment."""

from __future__ import annotations

from importlib import import_module
from importlib.util import find_spec
from typing import Any

import urllib3

from wanllmdb.sdk import __version__, errors
from wanllmdb.sdk.host_environment import certificates
from wanllmdb.sdk.host_environment.proxies import Proxy

USER_AGENT = f"wanllmdb-sdk/{__version__}"
BLOCK_SIZE = 1 << 20
CONNECT_TIMEOUT = 10.0
# Between two bytes, not of the whole request. Finalizing checks every object in the store, so it may take long.
READ_TIMEOUT = 120.0


def create_pool(scheme: str, proxy: Proxy | None) -> urllib3.PoolManager:
    """Connections through the proxy, or directly, that trust the authorities of the environment."""
    options: dict[str, Any] = {
        "maxsize": 32,
        "blocksize": BLOCK_SIZE,
        "timeout": urllib3.Timeout(connect=CONNECT_TIMEOUT, read=READ_TIMEOUT),
    }
    if scheme == "https":
        options["ssl_context"] = certificates.create_context()
    if proxy is None:
        return urllib3.PoolManager(**options)
    if proxy.is_socks:
        if find_spec("socks") is None:
            raise errors.Invalid(
                f"The proxy {proxy.url} (from {proxy.source}) needs PySocks: run `pip install pysocks`"
            )
        socks = import_module("urllib3.contrib.socks")
        manager: urllib3.PoolManager = socks.SOCKSProxyManager(proxy.url, proxy.user, proxy.password, **options)
        return manager
    if proxy.url.startswith("https:"):
        options["proxy_ssl_context"] = certificates.create_context()
    return urllib3.ProxyManager(proxy.url, proxy_headers=proxy.headers, **options)
