"""Worker processes: what a plugin does wrong fails its own cells alone, and nothing is done twice."""

from __future__ import annotations

import os
import signal
import threading
import time
from dataclasses import replace
from pathlib import Path

import psutil
import pytest

from bench.errors import DataError, ExecutorError, UsageError
from bench.executors.here import Here
from bench.executors.local import Local
from bench.executors.log import log_path
from bench.executors.runner import Seat
from bench.store import Store

SEATS = [Seat(f"worker {number}", "cpu", 1) for number in (1, 2)]


def statuses(outcomes) -> dict[str, str]:
    return {outcome.ticket.name: outcome.record.status for outcome in outcomes}


def log_of(store: Store, outcome) -> str:
    path = outcome.path.with_name(outcome.path.name.replace(".failed", ""))
    return log_path(store.root, path).read_text()


def waits_for(path: Path) -> str:
    """The content of a file that another process writes."""
    for _ in range(3000):
        if path.exists() and (content := path.read_text()):
            return content
        time.sleep(0.01)
    raise AssertionError(f"{path} was not written")


def test_a_process_serves_many_cells_and_each_record_is_on_disk(run, ticket, store):
    outcomes = run([ticket("scratch"), ticket("kd"), ticket("scratch", seed=1)])
    assert [outcome.record.ok for outcome in outcomes] == [True] * 3
    assert [path for path, _ in store.records()] == sorted(outcome.path for outcome in outcomes)
    processes = {line.rpartition("process ")[2] for each in outcomes for line in log_of(store, each).splitlines()[:1]}
    assert len(processes) == 1


def test_two_processes_share_the_cells_and_give_the_numbers_of_one(run, ticket, store, heard):
    tickets = [ticket(name, seed=seed) for seed in (0, 1) for name in ("scratch", "kd", "dml")]
    outcomes = run(tickets, SEATS)
    assert {seat for what, seat in heard.events if what == "began"} == {"worker 1", "worker 2"}
    shared = {outcome.ticket.key: outcome.record for outcome in outcomes}
    for outcome in outcomes:
        outcome.path.unlink()
    alone = {outcome.ticket.key: outcome.record for outcome in run(tickets)}
    assert shared.keys() == alone.keys()
    for key, record in alone.items():
        assert record.curve.train_loss == shared[key].curve.train_loss
        assert record.predictions == shared[key].predictions


@pytest.mark.parametrize(
    ("how", "status", "reason"),
    [
        ("raise", "error", "KeyError: 'planted'"),
        ("nan", "nan", "the training loss is nan"),
        ("shape", "error", "scalar"),
        ("nothing", "error", "Traceback"),
        ("exit", "killed", "its process ended with exit code 3, at step 6 of 12"),
        ("sys.exit", "error", "SystemExit: 0"),
        ("torch", "error", "DataError: planted"),
        ("nameless signal", "killed", "its process ended by signal 40"),
        ("crash", "killed", "its process ended by signal SIGSEGV, at step 6 of 12"),
        ("memory", "oom", "MemoryError: planted"),
        ("killed", "killed", "its process ended by signal SIGKILL"),
    ],
)
def test_what_a_plugin_does_wrong_fails_its_own_cell_alone(run, ticket, store, how, status, reason):
    bad, before, after = ticket(how=how), ticket("scratch"), ticket("scratch", seed=1)
    outcomes = run([before, bad, after])
    assert statuses(outcomes) == {before.name: "ok", bad.name: status, after.name: "ok"}
    record = next(outcome.record for outcome in outcomes if outcome.record.cell.method.name == "bad")
    assert reason in record.reason
    assert record.environment["threads"] == 1
    assert len(list(store.records())) == 3


def test_where_a_process_crashed_is_in_the_reason_and_in_the_log(run, ticket, store):
    [outcome] = run([ticket(how="crash")])
    assert "misbehaving.py" in outcome.record.reason  # the interpreter's own trace
    assert "Fatal Python error: Segmentation fault" in log_of(store, outcome)


def test_a_cell_that_takes_too_long_is_ended(run, ticket, store):
    outcomes = run([ticket(how="sleep"), ticket("scratch")], timeout=8.0)
    by_name = {outcome.record.cell.method.name: outcome.record for outcome in outcomes}
    assert by_name["scratch"].ok
    assert by_name["bad"].status == "timeout"
    assert "longer than 8 seconds, at step 6 of 12" in by_name["bad"].reason


def test_what_sleeps_for_ever_before_it_trains_is_ended_and_nothing_else(run, ticket):
    data, adapters, stages = ticket("scratch", of="sleeping"), ticket(how="adapters sleep"), ticket(how="stages sleep")
    well = ticket("scratch")
    outcomes = run([data, adapters, stages, well], [*SEATS, Seat("worker 3", "cpu", 1)], timeout=8.0)
    reasons = {outcome.ticket.name: outcome.record.reason for outcome in outcomes}
    assert statuses(outcomes) == {each.name: "timeout" for each in (data, adapters, stages)} | {well.name: "ok"}
    assert "longer than 8 seconds, before data and teacher were there" in reasons[data.name]
    for each in (adapters, stages):
        assert "longer than 8 seconds, before" in reasons[each.name]


def test_a_task_whose_data_cannot_be_read_fails_its_own_cells_alone(run, ticket):
    lost, before, after = ticket("scratch", of="raising"), ticket("scratch"), ticket("scratch", seed=1)
    outcomes = run([before, lost, after])
    assert statuses(outcomes) == {before.name: "ok", lost.name: "error", after.name: "ok"}
    assert "KeyError: 'planted in load'" in outcomes[1].record.reason


@pytest.mark.parametrize("how", ["memory once", "killed once"])
def test_a_cell_without_memory_is_tried_once_more_alone_at_the_end(run, ticket, heard, how):
    bad = ticket(how=how)
    outcomes = run([bad, ticket("scratch"), ticket("scratch", seed=1)], SEATS)
    assert [outcome.record.status for outcome in outcomes] == ["ok"] * 3
    assert outcomes[-1].ticket is bad
    assert any("once more, alone" in line for line in heard.said)
    # When it began again, nothing else ran.
    last = max(number for number, (what, _) in enumerate(heard.events) if what == "began")
    before = [what for what, _ in heard.events[:last]]
    assert before.count("began") <= before.count("left")


def test_a_copy_of_the_process_that_a_plugin_forks_writes_nothing(run, ticket, store):
    outcomes = run([ticket(how="fork"), ticket("scratch")])
    assert [outcome.record.status for outcome in outcomes] == ["ok", "ok"]
    assert len(list(store.records())) == 2
    assert log_of(store, outcomes[0]).count(" ok\n") == 1


def test_what_a_plugin_started_ends_with_its_process(run, ticket, tmp_path):
    assert [outcome.record.status for outcome in run([ticket(how="forked child sleeps")])] == ["ok"]
    child = int((tmp_path / "child").read_text())
    for _ in range(500):
        if not psutil.pid_exists(child) or psutil.Process(child).status() == psutil.STATUS_ZOMBIE:
            return
        time.sleep(0.01)
    raise AssertionError(f"the child {child} still runs")


def test_a_process_that_leaks_memory_is_replaced(run, ticket, store):
    outcomes = run([ticket("scratch"), ticket(how="leak"), ticket("scratch", seed=1)])
    assert [outcome.record.status for outcome in outcomes] == ["ok"] * 3
    before, _, after = (outcome.record.cost.resident_before_bytes for outcome in outcomes)
    assert after < before + 2**29


def test_what_an_earlier_cell_has_left_fails_no_other(run, ticket, tmp_path):
    def when_it_is_gone():
        process = int(waits_for(tmp_path / "waits"))
        while psutil.pid_exists(process) and psutil.Process(process).status() != psutil.STATUS_ZOMBIE:
            time.sleep(0.01)
        (tmp_path / "go on").write_text("")

    threading.Thread(target=when_it_is_gone, daemon=True).start()
    outcomes = run([ticket(how="thread ends the process"), ticket(how="wait"), ticket("scratch")])
    assert [outcome.record.status for outcome in outcomes] == ["ok"] * 3


def test_a_plugin_that_goes_elsewhere_takes_no_record_along(job, ticket, heard, store):
    relative = replace(job, results=store.root.relative_to(job.folder))
    outcomes = list(Local(relative, SEATS[:1], heard).run([ticket(how="elsewhere"), ticket("scratch")]))
    assert [outcome.record.status for outcome in outcomes] == ["ok", "ok"]
    assert len(store.paths()) == 2


def test_a_process_that_does_not_start_is_no_failure_of_a_cell(job, ticket, heard, store):
    with pytest.raises(ExecutorError, match="no worker process starts: 3 in a row ended with exit code 1"):
        list(Local(job, [Seat("worker 1", "cuda:7", 1)], heard).run([ticket("scratch"), ticket("kd")]))
    assert not store.paths()


def test_cells_whose_teacher_cannot_be_trained_are_left_out_and_the_others_run(run, ticket, heard):
    without = [ticket("kd", of="diverging", seed=seed) for seed in (0, 1)]
    well = [ticket("scratch", of="diverging"), ticket("kd")]
    outcomes = run([without[0], *well, without[1]])
    assert statuses(outcomes) == {each.name: "ok" for each in well}
    [said] = [line for line in heard.said if "left out" in line]
    assert "the teacher wide (diverging, fair) could not be made: the training loss is nan" in said
    assert said.endswith("2 cells that need it are left out")


def test_in_this_process_they_are_left_out_too(job, ticket, heard):
    without = [ticket("kd", of="diverging", seed=seed) for seed in (0, 1)]
    outcomes = list(Here(job, "cpu", heard).run([without[0], ticket("scratch"), without[1]]))
    assert [outcome.record.status for outcome in outcomes] == ["ok"]
    assert any(line.endswith("2 cells that need it are left out") for line in heard.said)


def test_what_is_printed_goes_to_the_log_of_the_cell(run, ticket, store, capfd):
    [outcome] = run([ticket(how="print")])
    log = log_of(store, outcome)
    assert "printed by the method" in log
    assert "printed by a child" in log
    assert "step 12 of 12" in log
    assert capfd.readouterr().out == ""


def test_an_error_that_every_cell_would_meet_ends_the_run(job, ticket, heard, tmp_path):
    elsewhere = replace(job, data_dir=tmp_path)
    with pytest.raises(DataError, match="no toys in"):
        list(Local(elsewhere, SEATS, heard).run([ticket("scratch"), ticket("scratch", seed=1)]))


def test_a_plan_for_other_hardware_is_refused(job, ticket, heard):
    other = replace(job, machine="abacus-1c-1g")
    with pytest.raises(UsageError, match="the plan was made for abacus-1c-1g"):
        list(Local(other, SEATS[:1], heard).run([ticket("scratch")]))


def test_a_run_that_is_left_ends_its_processes_and_gives_its_claims_back(job, ticket, heard, store, tmp_path):
    waiting = ticket(how="wait")
    going = Local(job, SEATS, heard).run([ticket("scratch"), waiting])
    next(going)
    process = int(waits_for(tmp_path / "waits"))
    assert not store.claims.free(waiting.key)
    going.close()
    assert not psutil.pid_exists(process) or psutil.Process(process).status() == psutil.STATUS_ZOMBIE
    assert store.claims.free(waiting.key)


def test_what_another_run_has_in_hand_is_waited_for_and_not_run_again(job, run, ticket, heard, store, tmp_path):
    waiting = ticket(how="wait")
    other = Local(job, SEATS[:1], heard).run([waiting, ticket("scratch", seed=5)])
    made = []
    thread = threading.Thread(target=lambda: made.extend(other))
    thread.start()
    waits_for(tmp_path / "waits")
    going = Local(job, [Seat("mine", "cpu", 1)], heard).run([waiting, ticket("scratch")])
    assert next(going).record.cell.method.name == "scratch"
    (tmp_path / "go on").write_text("")
    [outcome] = list(going)
    thread.join()
    assert outcome.elsewhere
    assert outcome.record.cell.method.name == "bad"
    assert log_of(store, outcome).count("process ") == 1


def test_what_another_run_has_in_hand_can_be_left_to_it(job, ticket, heard, store):
    waiting = ticket("scratch")
    with_other = Local(job, SEATS[:1], heard, wait_for_others=False)
    # The claim of another process.
    pid = os.fork()
    if not pid:
        store.claims.take(waiting.key)
        signal.pause()
    try:
        while store.claims.free(waiting.key):
            time.sleep(0.01)
        assert list(with_other.run([waiting])) == []
    finally:
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)


def test_a_ticket_that_was_planned_otherwise_is_refused(job, ticket, heard):
    with pytest.raises(UsageError, match="no longer the cell that was planned"):
        list(Local(job, SEATS[:1], heard).run([replace(ticket("scratch"), key="0" * 64)]))
