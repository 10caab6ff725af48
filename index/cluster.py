"""A Ray cluster that computes vectors and claims for the process that ingests.

A worker is given texts and gives back what it made of them: it needs the same Saidso and the same embedding model, and
neither the data folder nor the database. What is lost with a worker or a whole machine is computed again.
"""

from __future__ import annotations

import hashlib
import logging
import os
import re
import socket
import warnings
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, fields
from functools import cache
from itertools import islice
from pathlib import Path
from typing import Any

# Read when ray is imported: it is to report nothing to anybody, to keep its own log out of what Saidso prints, and to
# say soon, not after twelve minutes, that a port is another program's.
os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
os.environ.setdefault("RAY_DEDUP_LOGS_SKIP_REGEX", ".")
os.environ.setdefault("RAY_NUM_REDIS_GET_RETRIES", "3")

import ray
from ray.exceptions import NodeDiedError, ObjectLostError, OutOfMemoryError, RayError, RayTaskError, WorkerCrashedError

from index.batches import cores, keep_to
from index.claims import Claim, Stretch, claims_in, found_by
from index.embedder import BUNDLED_SHA256, Embedder, Vectors
from index.errors import SaidsoError
from index.memory import give_back_freed
from index.version import saidso_version

_ADDRESS = re.compile(r"auto|local|(?:ray://)?(?P<host>\[[0-9a-fA-F:.]+\]|[^\s/:\[\]]+):(?P<port>\d{1,5})")
_REACH = 5.0  # seconds; Ray itself tries for far longer
_LOOK = 10.0  # seconds between two looks whether there is anybody left to wait for
_BATCHES_EACH = 4  # at a time: what the last one makes the other workers wait is small beside that
_SENT_EACH = 2  # one that is computed, one that waits beside it
_TRIES = 5
_LOST = (WorkerCrashedError, NodeDiedError, OutOfMemoryError, ObjectLostError)
_STORE = 256 << 20  # bytes that a cluster on this machine holds for results on their way


@dataclass(frozen=True)
class Make:
    """What results hang on: where two processes differ in it, theirs must not mix."""

    saidso: str
    claims: str
    embedding_model: str

    @classmethod
    def here(cls, model: str | None) -> Make:
        """Return that of this process, with this embedding model."""
        return cls(saidso_version(), found_by(), _digest(model))


class Cluster:
    """The workers of a Ray cluster, one a processor that it offers; see `cluster_at`."""

    def __init__(self, address: str, model: str | None) -> None:
        self.lost = 0  # batches that were computed again, as a worker or its machine was gone
        self._address = address
        self._model = model
        self._make = Make.here(model)

    @property
    def at_once(self) -> int:
        """See `index.workers.Workers`."""
        return _BATCHES_EACH * max(1, _processors())

    def embed(self, batches: Iterable[Sequence[str]]) -> Iterator[Vectors]:
        """See `index.workers.Workers`."""
        return self._in_order(_embed, batches)

    def claims(self, batches: Iterable[Sequence[Stretch]]) -> Iterator[list[list[Claim]]]:
        """See `index.workers.Workers`."""
        return self._in_order(_claims, batches)

    def _in_order(self, task: Any, batches: Iterable[Any]) -> Iterator[Any]:
        """Yield what the task makes of each batch; a few more than there are workers are on their way."""
        waiting, sent = iter(batches), deque[tuple[Any, Any]]()

        def send() -> None:
            room = _SENT_EACH * max(1, _processors()) - len(sent)
            sent.extend((batch, task.remote(self._model, batch)) for batch in islice(waiting, max(0, room)))

        send()
        while sent:
            result = self._result(task, *sent.popleft())
            send()
            yield result

    def _result(self, task: Any, batch: Any, sent: Any) -> Any:
        for _ in range(_TRIES):
            try:
                make, result = self._wait(sent)
            except RayTaskError as error:
                raise SaidsoError(f"A worker of the Ray cluster at {self._address} {_failure(error)}") from error
            except _LOST:
                self.lost += 1
                sent = task.remote(self._model, batch)
                continue
            self._compare(make)
            return result
        raise SaidsoError(
            f"{_TRIES} workers of the Ray cluster at {self._address} died one after another of the same part of the "
            "articles; look for want of memory in Ray's logs there. What was stored stays: run the same command again "
            "to go on, without SAIDSO_RAY_ADDRESS on this machine alone."
        )

    def _wait(self, sent: Any) -> Any:
        while not ray.wait([sent], timeout=_LOOK)[0]:
            if not _processors():
                raise SaidsoError(
                    f"The Ray cluster at {self._address} has no processor left to compute on; start its machines again "
                    "and run the same command again to go on. What was stored stays."
                )
        return ray.get(sent)

    def _compare(self, theirs: Make) -> None:
        for field in fields(Make):
            there, here = getattr(theirs, field.name), getattr(self._make, field.name)
            if there != here:
                what = field.name.replace("_", " ").replace("saidso", "Saidso")
                raise SaidsoError(
                    f"A worker of the Ray cluster at {self._address} has another {what} ({there}; here it is {here}); "
                    "install the same on all machines, then run the same command again. Nothing of its is stored."
                )


@contextmanager
def cluster_at(address: str, model: str | None) -> Iterator[Cluster]:
    """Reach the cluster at an address (`auto`, `host:port`, `ray://host:port`), or start one here: `local`.

    What is under way there ends with it. Raises SaidsoError where the cluster cannot be reached or has no processor.
    """
    _reach(address)
    own: dict[str, Any] = {}
    if address == "local":
        own = {"num_cpus": cores(), "include_dashboard": False, "object_store_memory": _STORE}
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # they say at length what the errors say
            ray.init(address, log_to_driver=False, logging_level=logging.ERROR, **own)
    except (ConnectionError, RayError, RuntimeError, ValueError) as error:
        raise SaidsoError(
            f"The Ray cluster at SAIDSO_RAY_ADDRESS={address!r} cannot be used ({' '.join(str(error).split())}); check "
            "that it runs, that this machine is one of it (else give ray://host:10001), that Python and ray are of the "
            "same versions there, and, if it wants a token, that RAY_AUTH_MODE=token and RAY_AUTH_TOKEN are set here "
            "as there."
        ) from error
    try:
        if not _processors():
            raise SaidsoError(f"The Ray cluster at {address} offers no processor; add machines to it.")
        yield Cluster(address, model)
    finally:
        ray.shutdown()


def _processors() -> int:
    """Return how many processors the cluster offers at present."""
    return int(ray.cluster_resources().get("CPU", 0))  # type: ignore[no-untyped-call]


def _reach(address: str) -> None:
    """Raise SaidsoError for what is no address, and soon where nobody answers at it."""
    if not (found := _ADDRESS.fullmatch(address)):
        raise SaidsoError(
            f"SAIDSO_RAY_ADDRESS={address!r} is no address of a Ray cluster; one looks like ray://host:10001, on one "
            "of its machines also host:6379 or auto; local starts one on this machine."
        )
    if found["host"]:
        try:
            socket.create_connection((found["host"].strip("[]"), int(found["port"])), _REACH).close()
        except (OSError, OverflowError) as error:
            raise SaidsoError(
                f"No Ray cluster answers at SAIDSO_RAY_ADDRESS={address!r} ({error}); check that it runs "
                "(`ray start --head`), or unset it to compute on this machine."
            ) from error


@ray.remote(num_cpus=1, max_retries=0)
def _embed(model: str | None, texts: Sequence[str]) -> tuple[Make, Vectors]:
    make, embedder = _worker(model)
    vectors = embedder.embed(texts)
    give_back_freed()
    return make, vectors


@ray.remote(num_cpus=1, max_retries=0)
def _claims(model: str | None, stretches: Sequence[Stretch]) -> tuple[Make, list[list[Claim]]]:
    make, _ = _worker(model)
    claims = list(claims_in(stretches))
    give_back_freed()
    return make, claims


@cache
def _worker(model: str | None) -> tuple[Make, Embedder]:
    """Make ready a worker's process, where models stay loaded from one batch to the next."""
    keep_to(1)
    os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
    return Make.here(model), Embedder(model)


def _failure(error: RayTaskError) -> str:
    cause = error.cause
    if isinstance(cause, SaidsoError):
        return f"failed: {cause}"
    said = str(cause).partition("\n")[0]
    if said.startswith("The remote function failed to import"):
        return f"has no Saidso, or an older one; install {saidso_version()} on all machines, as here."
    return f"failed: {type(cause).__name__}: {said}"


def _digest(model: str | None) -> str:
    """Return what tells an embedding model from others: a hash of its folder's files. Raises SaidsoError for none."""
    if model is None:
        return BUNDLED_SHA256[:12]  # what is loaded is checked against it
    digest, folder = hashlib.sha256(), Path(model)
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    if not files:
        raise SaidsoError(
            f"There is no embedding model in {model!r}; give all machines of a Ray cluster the same folder there."
        )
    for file in files:
        with file.open("rb") as stream:
            digest.update(f"{file.relative_to(folder)}\n{hashlib.file_digest(stream, 'sha256').hexdigest()}\n".encode())
    return digest.hexdigest()[:12]
