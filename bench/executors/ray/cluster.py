"""A Ray cluster: connecting to it, what room it has, and starting slots on it."""

from __future__ import annotations

import os
import socket
import sysconfig
from collections.abc import Iterator, Set
from contextlib import contextmanager
from pathlib import Path

# Read when Ray is first imported: nothing is sent to its makers, and it leaves the variables of GPUs alone.
os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
os.environ.setdefault("RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO", "0")

import ray
from ray.exceptions import RayActorError, RayError
from ray.util.scheduling_strategies import NodeLabelSchedulingStrategy, NotIn

import bench
from bench.engine.place import Place
from bench.errors import BenchError, UsageError
from bench.executors.ray.slot import Slot, Standing

SENT = ("BENCH_CACHE", "BENCH_DATA_DIR", "HF_HOME", "HF_HUB_OFFLINE", "TOKENIZERS_PARALLELISM")
"""Variables that slots have from the driver; all else is that of their node. No secret: Ray shows them to all."""
FOLDERS = ("BENCH_CACHE", "BENCH_DATA_DIR", "HF_HOME")
"""Of these, the ones that are paths."""
OBJECT_STORE_BYTES = 80 * 2**20
"""About the least that Ray takes; what passes is small."""
CONNECT_SECONDS = 10.0
ANY = "local"
"""The address of a Ray that is started here, for this run."""


class Cluster:
    """A cluster that this process is connected to."""

    def __init__(self, cpus: int, gpus: float | None, wants_gpu: bool = False) -> None:
        """cpus, gpus: of one slot. Raises UsageError where no node has as much.

        wants_gpu: whether it has one GPU, if there are any, where `gpus` is None.
        """
        self.cpus = cpus
        if gpus is None:
            gpus = float(wants_gpu and any(node["Resources"].get("GPU") for node in alive()))
        self.gpus = gpus
        self._spare: list[ray.actor.ActorHandle] = []
        if not self.room():
            nodes = ", ".join(
                f"{node['NodeManagerHostname']} has {node['Resources'].get('CPU', 0):g} and "
                f"{node['Resources'].get('GPU', 0):g}"
                for node in alive()
            )
            raise UsageError(
                f"no node of the cluster has --cpus {cpus} and --gpus {gpus:g} for a cell: {nodes or 'there is none'}"
            )

    def room(self, without: Set[str] = frozenset()) -> int:
        """How many slots the cluster holds, whoever uses it now. without: ids of nodes that are not counted."""
        return sum(self._room_of(node["Resources"]) for node in alive() if node["NodeID"] not in without)

    def _room_of(self, resources: dict[str, float]) -> int:
        room = int(resources.get("CPU", 0) / self.cpus)
        if self.gpus:
            room = min(room, int(resources.get("GPU", 0)) * int(1 / self.gpus))
        return room

    def start(self, without: Set[str] = frozenset()) -> ray.actor.ActorHandle:
        """A new slot, which waits until there is room for it. without: ids of nodes where it must not be."""
        if self._spare:
            return self._spare.pop()
        elsewhere = NodeLabelSchedulingStrategy({"ray.io/node-id": NotIn(*without)}) if without else "SPREAD"
        options = {
            "num_cpus": self.cpus,
            "num_gpus": self.gpus,
            "max_restarts": 0,
            "scheduling_strategy": elsewhere,
            "runtime_env": {"env_vars": environment()},
        }
        return ray.remote(**options)(Slot).remote()

    def place(self, device: str) -> Place:
        """The hardware of a slot: what a plan is for."""
        slot = self.start()
        try:
            standing = answer(slot.look.remote(device))
        except RayActorError as error:
            raise UsageError(f"the slot that was asked for its hardware is lost: {last_line(error)}") from error
        self._spare.append(slot)
        return standing.place


def alive() -> list[dict]:
    """The nodes that Ray believes to be there."""
    return [node for node in ray.nodes() if node["Alive"]]


def answer(reference: ray.ObjectRef) -> Standing:
    """What a slot that starts says of itself. Raises the error that it met, or RayActorError if it was lost."""
    try:
        found = ray.get(reference)
    except RayActorError as error:
        if not error.actor_init_failed:
            raise
        raise UsageError(
            "kdbench does not start on a node of the cluster: every node needs it, with the Python and the libraries "
            f"that are used here. {last_line(error)}"
        ) from error
    if isinstance(found, BenchError):
        raise found
    return found


def last_line(error: RayError) -> str:
    """The one line of Ray's long messages that says what happened."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return next((line for line in lines if line.startswith("The actor is dead because")), lines[-1] if lines else "")


@contextmanager
def connected(address: str | None) -> Iterator[None]:
    """Inside, this process is the driver of a job on the cluster; in the end, nothing of it is left there.

    address: HOST:PORT or `auto`; without one, RAY_ADDRESS; without that, Ray is started on this machine.
    """
    address = address or os.environ.get("RAY_ADDRESS") or ANY
    check_address(address)
    own = {"include_dashboard": False, "object_store_memory": OBJECT_STORE_BYTES} if address == ANY else {}
    try:
        ray.init(
            address=address,
            log_to_driver=False,
            logging_level="ERROR",
            **own,
        )
    except (ConnectionError, RuntimeError, ValueError) as error:
        raise UsageError(f"no connection to Ray at {address}: {error}") from error
    try:
        yield
    finally:
        ray.shutdown()


def check_address(address: str) -> None:
    """Raises UsageError where nobody listens: Ray itself would end this process."""
    if address in (ANY, "auto"):
        return
    host, colon, port = address.rpartition(":")
    if not (host and colon and port.isdecimal()) or "/" in host:
        raise UsageError(
            f"--address {address!r}: expected HOST:PORT of the cluster's head, or auto on one of its nodes. For a "
            "cluster that is reached by ray://, give the command there, for example with `ray job submit`"
        )
    try:
        socket.create_connection((host, int(port)), timeout=CONNECT_SECONDS).close()
    except (OSError, OverflowError) as error:
        raise UsageError(
            f"nobody listens at {address}: {error}. Start Ray there with `ray start --head`, which says its address"
        ) from error


def environment() -> dict[str, str]:
    """The variables of slots, with the path by which this kdbench is found if it is a checkout."""
    sent = {name: os.environ[name] for name in SENT if os.environ.get(name)}
    sent |= {name: str(Path(sent[name]).expanduser().absolute()) for name in FOLDERS if name in sent}
    house = Path(bench.__file__).parents[1]
    paths = [house] if house != Path(sysconfig.get_path("purelib")) else []
    paths += [Path(path).absolute() for path in os.environ.get("PYTHONPATH", "").split(os.pathsep) if path]
    return sent | ({"PYTHONPATH": os.pathsep.join(dict.fromkeys(map(str, paths)))} if paths else {})
