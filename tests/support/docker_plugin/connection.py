"""The engine that the provider is configured for, and the accounts of registries."""

import json
import os
import threading
from pathlib import Path
from typing import Any

import docker
import requests
from docker.errors import APIError, DockerException

from .fields import Values

DEFAULT = "unix:///var/run/docker.sock"


class ProviderError(Exception):
    """What the vendor's provider reports as an error; the text is the diagnostic's."""


class Connection:
    """A client of the engine, made at its first use, and the accounts of ``registryAuth``."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._api: docker.APIClient | None = None
        self.settings: Values = {}
        self.accounts: dict[str, dict[str, str]] = {}

    def configure(self, settings: Values) -> None:
        """Take a provider's settings. Raises ProviderError when no engine answers."""
        with self._lock:
            self.settings = settings
            self.accounts |= {
                host(entry["address"]): account(entry) for entry in settings.get("registryAuth") or []
            }
            if self._api:
                self._api.close()
            self._api = None
        if not settings.get("disableDockerDaemonCheck"):
            _ = self.api

    @property
    def api(self) -> docker.APIClient:
        with self._lock:
            if self._api is None:
                self._api = self._connect()
            return self._api

    def _connect(self) -> docker.APIClient:
        name = self.settings.get("context") or os.environ.get("DOCKER_CONTEXT")
        address = (
            _context(name) if name else self.settings.get("host") or os.environ.get("DOCKER_HOST") or DEFAULT
        )
        try:
            api = docker.APIClient(
                base_url=address,
                version="auto",
                timeout=1200,
                num_pools=32,
                use_ssh_client=True,
                tls=_certificates(self.settings.get("certPath")) or False,
            )
            api.ping()
        except (DockerException, requests.RequestException) as error:
            raise ProviderError("failed to connect to any docker daemon") from error
        return api


def _certificates(folder: str | None) -> docker.tls.TLSConfig | None:
    if not folder:
        return None
    pair = (str(Path(folder) / "cert.pem"), str(Path(folder) / "key.pem"))
    return docker.tls.TLSConfig(client_cert=pair, ca_cert=str(Path(folder) / "ca.pem"), verify=True)


def _context(name: str) -> str:
    for file in (Path.home() / ".docker/contexts/meta").glob("*/meta.json"):
        meta = json.loads(file.read_text())
        if meta.get("Name") == name:
            return str(meta["Endpoints"]["docker"]["Host"])
    raise ProviderError(f"Error loading Docker context '{name}': context '{name}' not found")


def daemon(error: APIError) -> str:
    """An error of the engine as Docker's own client words it."""
    return f"Error response from daemon: {error.explanation or error}"


def host(address: str) -> str:
    """The host of a registry's address."""
    return address.removeprefix("https://").removeprefix("http://").partition("/")[0]


def account(entry: Values) -> dict[str, str]:
    """Who a ``registryAuth`` entry is: its own words, else what Docker's configuration file has."""
    if entry.get("authDisabled"):
        return {"username": "username", "password": "password"}
    if entry.get("username"):
        return {"username": entry["username"], "password": entry.get("password", "")}
    content = entry.get("configFileContent")
    return _from_file(json.loads(content) if content else _configuration(entry), host(entry["address"]))


def _configuration(entry: Values) -> dict[str, Any]:
    folder = Path(os.environ.get("DOCKER_CONFIG") or Path.home() / ".docker")
    file = Path(
        entry.get("configFile") or (folder / "config.json" if folder.is_dir() else folder)
    ).expanduser()
    try:
        return dict(json.loads(file.read_text()))
    except OSError as error:
        raise ProviderError(f"could not open config file from filePath: {file}. Error: {error}") from error


def _from_file(configuration: dict[str, Any], registry: str) -> dict[str, str]:
    loaded = docker.auth.AuthConfig(configuration if "auths" in configuration else {"auths": configuration})
    loaded["auths"] = docker.auth.AuthConfig.parse_auth(configuration.get("auths", {}))
    found = loaded.resolve_authconfig(registry) or {}
    return {name: found[name] for name in ("username", "password") if found.get(name)}
