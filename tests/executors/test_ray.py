"""Cells on a Ray cluster of several nodes, which here are processes of one machine."""

from __future__ import annotations

import os
import re
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import psutil
import pytest

pytest.importorskip("ray")

from ray.cluster_utils import Cluster as Nodes

from bench.errors import StoreError, UsageError
from bench.executors.elsewhere import Tokens
from bench.executors.log import log_path
from bench.executors.outcome import Outcome
from bench.executors.ray import cluster
from bench.executors.ray import losses as losses_module
from bench.executors.ray.cluster import Cluster, check_address, connected, environment
from bench.executors.ray.executor import Ray
from bench.store import Store

HOUSE = Path(__file__).parents[2]
SMALL = {"object_store_memory": 80 * 2**20, "include_dashboard": False}


@pytest.fixture(scope="module")
def nodes() -> Iterator[Nodes]:
    """A head with two cores, and a node with one and a GPU that does not exist."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PYTHONPATH", str(HOUSE / "tests"))  # the plugin imports the toy task
        nodes = Nodes(initialize_head=True, head_node_args={"num_cpus": 2, **SMALL})
        try:
            nodes.add_node(num_cpus=1, num_gpus=1, **SMALL)
            with connected(nodes.address):
                yield nodes
        finally:
            nodes.shutdown()


@pytest.fixture
def ray_of(nodes, job, heard) -> Callable[..., Ray]:
    """An executor on the cluster."""

    def make(cpus: int = 1, gpus: float = 0.0, **options: Any) -> Ray:
        return Ray(job, Cluster(cpus, gpus), "cpu", heard, **options)

    return make


class Going:
    """A run in a thread of its own."""

    def __init__(self, executor: Ray, tickets: list) -> None:
        self.outcomes: list[Outcome] = []
        self._thread = threading.Thread(target=lambda: self.outcomes.extend(executor.run(tickets)))
        self._thread.start()

    def end(self) -> list[Outcome]:
        self._thread.join(timeout=120)
        assert not self._thread.is_alive()
        return self.outcomes


@contextmanager
def claimed_by_another_process(store: Store, key: str) -> Iterator[None]:
    """Inside, another run has the cell in hand; it makes nothing of it."""
    pid = os.fork()
    if not pid:
        store.claims.take(key)
        signal.pause()
    try:
        until(lambda: not store.claims.free(key))
        yield
    finally:
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)


def until(condition: Callable[[], Any]) -> Any:
    """What the condition gives as soon as it gives anything."""
    for _ in range(6000):
        if found := condition():
            return found
        time.sleep(0.01)
    raise AssertionError("it did not happen")


def seat_that_waits(folder: Path) -> int:
    """The process in which a cell has come to its middle."""
    path = folder / "waits"
    return until(lambda: path.exists() and int(path.read_text() or 0))


def slot_of(seat: int) -> psutil.Process:
    """The actor whose cells run in that process: the parent of the one that it was forked from."""
    return psutil.Process(seat).parent().parent()


def is_gone(process: psutil.Process | int) -> bool:
    number = process if isinstance(process, int) else process.pid
    return not psutil.pid_exists(number) or psutil.Process(number).status() == psutil.STATUS_ZOMBIE


def by_key(outcomes: list[Outcome]) -> dict[str, Outcome]:
    return {outcome.ticket.key: outcome for outcome in outcomes}


def log_of(store: Store, outcome: Outcome) -> str:
    return log_path(store.root, outcome.path.with_name(outcome.path.name.replace(".failed", ""))).read_text()


def assert_as_local(outcomes: list[Outcome], run) -> None:
    """The numbers are those of the same cells in a process of this machine."""
    far = by_key(outcomes)
    for outcome in outcomes:
        outcome.path.unlink()
    near = by_key(run([outcome.ticket for outcome in outcomes]))
    assert far.keys() == near.keys()
    for key, outcome in near.items():
        there, here = far[key].record, outcome.record
        assert there.status == here.status
        if here.ok:
            assert there.curve.train_loss == here.curve.train_loss
            assert there.predictions == here.predictions


def test_cells_on_several_nodes_give_the_records_of_one_machine(ray_of, run, ticket, store, heard, nodes):
    bad = [ticket(how="raise"), ticket(how="exit", seed=1)]
    tickets = [*bad, ticket("scratch"), ticket("kd"), ticket("kd", seed=1), ticket("scratch", seed=1)]
    with claimed_by_another_process(store, tickets[3].key):
        going = ray_of(most=2).run(tickets)
        first = next(going)
    outcomes = [first, *going]
    assert first.ticket is not tickets[3]
    assert [outcome.record.status for outcome in outcomes].count("ok") == 4
    assert {by_key(outcomes)[each.key].record.status for each in bad} == {"error", "killed"}
    assert [path for path, _ in store.records()] == sorted(outcome.path for outcome in outcomes)
    seats = {seat for what, seat in heard.events if what == "began"}
    assert len(seats) == 2
    assert [sum(node.node_id[:6] in seat for seat in seats) for node in nodes.list_all_nodes()] == [1, 1]
    assert any(done == 12 for _, done, _ in heard.steps)
    assert heard.events.count(("began", min(seats))) == heard.events.count(("left", min(seats)))
    assert heard.said.count("training the teacher wide (mytoy, fair)") == 1
    assert outcomes[0].record.environment["threads"] == 1
    assert list((store.root / ".runs").iterdir()) == []
    assert_as_local(outcomes, run)


def test_records_come_back_where_the_results_folder_is_not_shared(ray_of, run, ticket, store, monkeypatch):
    monkeypatch.setattr(Tokens, "__enter__", lambda tokens: tokens)
    tickets = [ticket(how="environment"), ticket(how="crash"), ticket("scratch")]
    # There is no teacher for this one.
    outcomes = list(ray_of(gpus=0.5).run([*tickets, ticket("kd", of="diverging")]))
    assert len(outcomes) == 3
    good, bad, _ = (by_key(outcomes)[each.key] for each in tickets)
    # The cell's own process sees the GPU of its slot.
    assert "GPUs: 0" in log_of(store, good)
    assert "Fatal Python error" in log_of(store, bad)
    assert bad.path.name.endswith(".failed.json")
    assert [path for path, _ in store.records()] == sorted(outcome.path for outcome in outcomes)
    returned = Path(os.environ["BENCH_CACHE"], "returned")
    assert [path for path in returned.rglob("*.*") if path.suffix in (".json", ".log")] == []
    assert all(store.claims.free(each.key) for each in tickets)
    assert_as_local(outcomes, run)


def test_a_record_that_the_driver_could_not_keep_is_kept_by_its_node_and_given_to_the_next_command(
    ray_of, ticket, store, heard, monkeypatch
):
    monkeypatch.setattr(Tokens, "__enter__", lambda tokens: tokens)
    one = ticket("scratch")
    first, second = ray_of(most=1), ray_of(most=1)
    with monkeypatch.context() as patch:
        patch.setattr(Store, "write", refuse_to_write)
        with pytest.raises(StoreError, match="the disk is full"):
            list(first.run([one]))
    returned = Path(os.environ["BENCH_CACHE"], "returned")
    [path] = returned.rglob("*.json")
    kept = path.read_text()
    [outcome] = second.run([one])
    assert outcome.path.read_text() == kept
    assert len(set(re.findall(", process ([0-9]+)", log_of(store, outcome)))) == 1
    assert any("a command that did not receive it" in line for line in heard.said)
    assert [path for path in returned.rglob("*.*") if path.suffix in (".json", ".log")] == []


def refuse_to_write(store: Store, record: object) -> Path:
    raise StoreError("the disk is full")


def test_a_cell_whose_node_goes_away_goes_on_elsewhere(ray_of, run, ticket, store, heard, nodes, tmp_path):
    doomed = nodes.add_node(num_cpus=2, **SMALL)
    tickets = [ticket(how="wait", seed=seed) for seed in (0, 1)]
    going = Going(ray_of(cpus=2), tickets)
    until(lambda: any(doomed.node_id[:6] in seat and done == 6 for seat, done, _ in heard.steps))
    seat_that_waits(tmp_path)
    nodes.remove_node(doomed, allow_graceful=False)
    until(lambda: any("is run on another one" in line for line in heard.said))
    (tmp_path / "go on").write_text("")
    outcomes = going.end()
    assert [outcome.record.ok for outcome in outcomes] == [True, True]
    assert len(list(store.records())) == 2
    logs = [log_of(store, outcome) for outcome in outcomes]
    assert sorted(log.count(", process ") for log in logs) == [1, 2]
    assert sum("was interrupted: it goes on from step 6" in log for log in logs) == 1
    assert_as_local(outcomes, run)


def test_a_cell_that_loses_too_many_slots_fails(ray_of, ticket, store, heard, tmp_path, monkeypatch):
    monkeypatch.setattr(losses_module, "MOST_LOSSES", 1)
    bad, good = ticket(how="wait"), ticket("scratch")
    going = Going(ray_of(most=1), [bad, good])
    slot_of(seat_that_waits(tmp_path)).kill()
    first, second = going.end()
    assert first.ticket is bad
    assert first.record.status == "killed"
    assert "its slot was lost 1 times" in first.record.reason
    assert second.record.ok
    assert sum("is lost" in line for line in heard.said) == 1
    assert len(list(store.records())) == 2


def test_what_no_node_has_is_refused_at_once(nodes):
    with pytest.raises(UsageError, match=r"no node of the cluster has --cpus 3 and --gpus 0.5.* has 1 and 1"):
        Cluster(3, 0.5)


def test_room_is_counted_in_whole_slots_of_a_node_and_parts_of_one_gpu(monkeypatch):
    nodes = [{"NodeID": "a", "Resources": {"CPU": 7.0, "GPU": 2.0}}, {"NodeID": "b", "Resources": {"CPU": 3.0}}]
    monkeypatch.setattr(cluster, "alive", lambda: nodes)
    assert Cluster(2, 0.0).room() == 4
    assert Cluster(2, 0.0).room({"a"}) == 1
    assert Cluster(2, 1.0).room() == 2
    assert Cluster(1, 0.4).room() == 4
    assert Cluster(2, 0.5).room() == 3
    assert Cluster(1, None, wants_gpu=True).gpus == 1.0
    assert Cluster(1, None).gpus == 0.0


def test_paths_that_a_node_lacks_are_named(ticket, job, nodes, heard, tmp_path):
    lacking = replace(job, data_dir=Path("nowhere"))
    with pytest.raises(UsageError, match=rf"{tmp_path}/nowhere is not on {socket.gethostname()}"):
        list(Ray(lacking, Cluster(1, 0.0), "cpu", heard, most=1).run([ticket("scratch")]))


def test_nodes_of_other_hardware_are_left_out(ray_of, ticket, job, heard):
    other = replace(job, machine="abacus-1c-1g")
    with pytest.raises(UsageError, match="no node of the cluster is abacus-1c-1g"):
        list(Ray(other, Cluster(2, 0.0), "cpu", heard).run([ticket("scratch")]))
    assert any("not used, since the plan is for abacus-1c-1g" in line for line in heard.said)


def test_an_address_where_nobody_listens_is_refused():
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        port = taken.getsockname()[1]
        with pytest.raises(UsageError, match=f"nobody listens at 127.0.0.1:{port}"):
            check_address(f"127.0.0.1:{port}")
    for wrong in ("ray://head:10001", "head", "head:", ":1"):
        with pytest.raises(UsageError, match="expected HOST:PORT"):
            check_address(wrong)


def test_slots_get_our_variables_and_no_others(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("BENCH_CACHE", "cache")
    monkeypatch.setenv("HF_TOKEN", "secret")
    monkeypatch.setenv("PYTHONPATH", "mine")
    sent = environment()
    assert sent["BENCH_CACHE"] == str(tmp_path / "cache")
    assert sent["PYTHONPATH"].split(":") == [str(HOUSE), str(tmp_path / "mine")]
    assert "HF_TOKEN" not in sent


def test_ctrl_c_ends_the_slots_of_a_command_and_the_finished_cells_stay(nodes, tmp_path, store):
    plugin = Path(__file__).with_name("misbehaving.py")
    command = [sys.executable, "-m", "bench", "run", "--executor", "ray", "--address", nodes.address, "--workers", "1"]
    command += ["--device", "cpu", "--tasks", "mytoy", "--plugin", str(plugin), "--methods", "scratch,bad"]
    command += ["--set", "bad.how=wait", "--set", f"bad.where={tmp_path}", "--results", str(store.root)]
    process = subprocess.Popen(
        command,
        cwd=HOUSE,
        env=os.environ | {"PYTHONPATH": f"{HOUSE}:{HOUSE / 'tests'}"},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    try:
        seat = seat_that_waits(tmp_path)
        slot = slot_of(seat)
        process.send_signal(signal.SIGINT)
        out, _ = process.communicate(timeout=60)
    finally:
        process.kill()
        process.wait()
        process.stdout.close()
    assert process.returncode == 130, out
    assert "interrupted: 1 of 2 cells are finished and kept; give the same command again" in out
    assert [record.cell.method.name for _, record in store.records()] == ["scratch"]
    until(lambda: is_gone(seat) and is_gone(slot))
