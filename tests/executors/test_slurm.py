"""Jobs of SLURM: by submitit's local executor, and by a real SLURM on this machine where its programs are there."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bench.cli.main import main
from bench.engine.place import place_here
from bench.errors import StoreError, UsageError
from bench.executors.job import Cells, Ticket
from bench.executors.local import Local
from bench.executors.outcome import Outcome
from bench.executors.runner import Seat
from bench.executors.slurm import executor as slurm_executor
from bench.executors.slurm.cluster import QueuedJob, Resources, SlurmCluster, parse_minutes, parse_options
from bench.executors.slurm.executor import Slurm
from bench.executors.slurm.place import Answer, ask, kept_path, kept_place
from bench.executors.slurm.submission import SubmittedCell, clear, live, new_submission, submissions
from bench.runs import runs
from bench.store import Store

submitit = pytest.importorskip("submitit")

HOUSE = Path(__file__).parents[2]
PLUGIN = HOUSE / "tests" / "executors" / "misbehaving.py"
SCRIPT = HOUSE / "tests" / "cluster" / "slurm_on_one_machine.sh"
LOW = Resources(minutes=10, partition="low", cpus=1)


def until(what: Callable[[], Any], seconds: float = 180.0) -> Any:
    """What the function gives, once that is something."""
    end = time.monotonic() + seconds
    while not (found := what()):
        assert time.monotonic() < end, f"not within {seconds:g} seconds: {what}"
        time.sleep(0.02)
    return found


def waits_in(folder: Path, before: int | None = None) -> int:
    """The worker process in which the cell has come to its middle; another one than before."""

    def process() -> int | None:
        path = folder / "waits"
        text = path.read_text() if path.exists() else ""
        return int(text) if text and int(text) != before else None

    return until(process)


def logs(store: Store, name: str) -> list[str]:
    """The logs of the cells of a method."""
    return [path.read_text() for path in (store.root / "logs").glob(f"**/{name}-*.log")]


@pytest.mark.parametrize(
    ("text", "minutes"),
    [("90", 90), ("90:30", 91), ("1:30:00", 90), ("1-0", 1440), ("1-12:30", 2190), ("2-00:00:01", 2881)],
)
def test_a_time_limit_is_read_as_sbatch_reads_it(text, minutes):
    assert parse_minutes(text) == minutes


@given(st.integers(0, 30), st.integers(0, 23), st.integers(5, 59), st.integers(0, 59))
def test_every_full_time_limit_is_read(days, hours, minutes, seconds):
    expected = days * 1440 + hours * 60 + minutes + (seconds > 0)
    assert parse_minutes(f"{days}-{hours:02}:{minutes:02}:{seconds:02}") == expected


@pytest.mark.parametrize("text", ["", "soon", "1:2:3:4", "-5", "1.5", "4", "0:30", "٣٠٠x"])
def test_other_time_limits_are_refused(text):
    with pytest.raises(UsageError, match="--time"):
        parse_minutes(text)


def test_options_of_sbatch_are_passed_on_and_those_of_the_harness_are_not_free():
    assert parse_options(["mem=8G", "account=vision", "exclusive"]) == (
        ("account", "vision"),
        ("exclusive", ""),
        ("mem", "8G"),
    )
    for text in ("array=0-9", "job-name=mine", "A=b", "mem=1\n#SBATCH --x", "=b", ""):
        with pytest.raises(UsageError, match="--slurm"):
            parse_options([text])


def test_an_answer_of_a_node_is_kept_for_its_resources_whatever_the_time_limit(store):
    path = kept_path(store, LOW, "cpu")
    assert path == kept_path(store, replace(LOW, minutes=99), "cpu")
    others = [replace(LOW, partition="high"), replace(LOW, cpus=2), replace(LOW, options=(("mem", "8G"),))]
    assert len({path, kept_path(store, LOW, "cuda"), *(kept_path(store, each, "cpu") for each in others)}) == 5
    assert kept_place(path) is None
    path.parent.mkdir(parents=True)
    place = place_here("cpu")
    path.write_text(Answer(node="n", place=place).model_dump_json())
    assert kept_place(path) == place
    for text in ("", "[]", Answer(node="n", place=replace(place, machine="../x")).model_dump_json()):
        path.write_text(text)
        with pytest.raises(StoreError, match="remove it"):
            kept_place(path)


@settings(max_examples=30)
@given(st.lists(st.sampled_from("adf-"), min_size=1, max_size=6))
def test_a_submission_knows_its_open_cells_from_names_alone(tmp_path_factory, states):
    store = Store(tmp_path_factory.mktemp("store"))
    folder = store.root / "m" / "t"
    folder.mkdir(parents=True)
    cells = []
    for number, state in enumerate(states):
        before = folder / f"{number}.failed.json"
        if state in "af":  # it had failed before; what is tried again fails again, or is done
            before.write_text("")
        mark = (0, before.stat().st_ino if state in "af" else 0)
        cells.append(SubmittedCell(key=str(number), path=f"m/t/{number}.json", mark=mark))
        if state == "f":
            (folder / "new").write_text("")
            os.replace(folder / "new", before)
        if state == "d":
            (folder / f"{number}.json").write_text("")
    made = new_submission(store, "m", cells, [])
    assert submissions(store) == [made]
    still = [number for number, state in enumerate(states) if state in "a-"]
    assert [int(cell.key) for cell in made.open_cells(store)] == still


class Queue:
    """A cluster where every job runs for ever; it does nothing."""

    def __init__(self) -> None:
        self.submitted = 0

    def submit(self, *_: object) -> list[str]:
        self.submitted += 1
        return [str(self.submitted)]

    def queue(self, names: Sequence[str]) -> list[QueuedJob]:
        return [QueuedJob("1", "RUNNING", "", "here", name) for name in names]

    def cancel(self, name: str) -> None:
        pytest.fail(f"{name} is cancelled: jobs are only followed here")


def test_cells_that_living_jobs_make_or_have_made_are_not_submitted_again_but_those_that_failed_are(
    job, run, ticket, store, heard, monkeypatch
):
    monkeypatch.setattr(slurm_executor, "LOOK_AGAIN_SECONDS", 0.01)
    queue = Queue()

    def outcomes(tickets: Sequence[Ticket]) -> Iterator[Outcome]:
        return Slurm(job, "cpu", LOW, heard, cluster=queue).run(tickets)

    def planned() -> list[Ticket]:
        return [ticket("scratch"), ticket(how="raise"), ticket("scratch", seed=1)]

    run(planned()[:1])
    made, failed, _ = first = planned()  # as with --only all: one has a record already
    with closing(outcomes(first)) as following:
        [again, bad] = run([made, failed])
        assert {next(following).path for _ in range(2)} == {again.path, bad.path}
    second = planned()
    with closing(outcomes(second)) as following:
        told = next(following)
        assert (told.ticket, told.path, told.elsewhere) == (second[0], again.path, False)
        assert any("has 2 of the cells: it is followed" in line for line in heard.said)
        [new, old] = sorted(submissions(store), key=lambda each: len(each.cells))
        assert [len(each.cells) for each in (new, old)] == [1, 3]
        assert new.cells[0].key == failed.key
        [worse] = run(second[1:2])
        assert next(following).path == worse.path


def test_no_cell_is_built_to_submit_it(job, ticket, store, heard, monkeypatch):
    one = ticket()
    monkeypatch.setattr(Cells, "cell", lambda *_: pytest.fail("a cell is built"))
    queue = Queue()
    queue.queue = lambda names: []
    assert list(Slurm(job, "cpu", LOW, heard, cluster=queue, late=0.0).run([one])) == []
    [submission] = submissions(store)
    assert submission.cells == [SubmittedCell(key=one.key, path=f"{job.machine}/{one.path}", mark=one.mark)]
    monkeypatch.undo()
    assert store.path(job.machine, Cells(job).cell(one)) == store.root / submission.cells[0].path


def test_ids_that_a_killed_command_has_not_written_down_are_taken_from_the_queue(store):
    made = new_submission(store, "m", [], [])
    queue = [QueuedJob("7_0", "RUNNING", "", "n", made.name), QueuedJob("8", "RUNNING", "", "n", "other")]
    assert [each.job for each in live([made], queue)] == ["7"]
    assert live([made], queue[1:]) == []


def test_what_is_missing_or_does_not_fit_is_told(store, capsys, monkeypatch, tmp_path):
    def error(*options: str) -> str:
        assert main(["run", "--tasks", "digits", "--results", str(store.root), *options]) == 2
        return capsys.readouterr().err

    assert "--partition is not for --executor local" in error("--partition", "high")
    slurm = ("--executor", "slurm")
    assert "needs --time" in error(*slurm)
    assert "--workers is not for --executor slurm" in error(*slurm, "--time", "10", "--workers", "2")
    assert "--no-keep-going is not for" in error(*slurm, "--time", "10", "--no-keep-going")
    assert "whole number" in error(*slurm, "--time", "10", "--gpus", "0.5")
    assert "without --dry-run" in error(*slurm, "--time", "10", "--dry-run")
    assert not store.root.exists()
    monkeypatch.setenv("PATH", str(tmp_path))
    assert "sbatch is not on this machine" in error(*slurm, "--time", "10")
    monkeypatch.setitem(sys.modules, "submitit", None)
    assert "pip install 'kdbench[slurm]'" in error(*slurm, "--time", "10")


def test_status_says_when_the_queue_is_not_known_and_tells_what_the_files_say(store, capsys, monkeypatch, tmp_path):
    store.root.mkdir()
    made = new_submission(store, "m", [SubmittedCell(key="a", path="m/t/a.json", mark=(0, 0))], [])
    monkeypatch.setenv("PATH", str(tmp_path))
    assert main(["status", "--results", str(store.root)]) == 0
    out = capsys.readouterr().out
    assert "0 of 1 cells have ended" in out
    assert "the queue of SLURM is not known: squeue is not on this machine" in out
    assert main(["status", "--results", str(store.root), "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["submissions"][0]["name"] == made.name
    assert told["submissions"][0]["jobs"] is None
    assert "squeue" in told["queue_error"]


class LocalCluster:
    """A cluster whose jobs are processes of this machine, as submitit starts them."""

    def __init__(self) -> None:
        self.jobs: dict[str, list[Any]] = {}

    def submit(self, name: str, folder: Path, resources: Resources, tasks: Sequence[Any]) -> list[str]:
        executor = submitit.LocalExecutor(folder=folder, max_num_timeout=9)
        executor.update_parameters(timeout_min=5)
        with executor.batch():
            jobs = [executor.submit(task) for task in tasks]
        self.jobs[name] = jobs
        return [job.job_id for job in jobs]

    def queue(self, names: Sequence[str]) -> list[QueuedJob]:
        every = [(name, job) for name in names for job in self.jobs.get(name, ())]
        return [QueuedJob(job.job_id, "RUNNING", "None", "here", name) for name, job in every if not job.done()]

    def cancel(self, name: str) -> None:
        pytest.fail(f"{name} is cancelled: jobs are only followed here")


@pytest.fixture
def by_jobs(job, heard, monkeypatch) -> Callable[..., tuple[threading.Thread, list]]:
    """Runs tickets in jobs, in a thread; gives it and what it will have yielded."""
    monkeypatch.setenv("PYTHONPATH", f"{HOUSE}:{HOUSE / 'tests'}")

    def start(tickets: Sequence, jobs: int = 1) -> tuple[threading.Thread, list]:
        outcomes: list = []
        there = replace(job, environment={})
        executor = Slurm(there, "cpu", LOW, heard, jobs, cluster=LocalCluster(), late=0.0)
        thread = threading.Thread(target=lambda: outcomes.extend(executor.run(tickets)), daemon=True)
        thread.start()
        return thread, outcomes

    return start


def of_jobs(store: Store) -> dict[str, int]:
    """Which cells run in jobs, and the process of each job."""
    return {cell.name: run.process for run, alive in runs(store) if alive and run.job for cell in run.running}


def test_every_job_begins_with_its_share_and_no_cell_is_run_twice(by_jobs, ticket, store, heard, tmp_path):
    tickets = [ticket(how="wait"), ticket("scratch"), ticket(how="wait", seed=1), ticket("scratch", seed=1)]
    thread, outcomes = by_jobs(tickets, jobs=2)
    running = until(lambda: len(found := of_jobs(store)) == 2 and found)
    assert running.keys() == {tickets[0].name, tickets[2].name}
    assert len(set(running.values())) == 2
    until(lambda: [what for what, _ in heard.events].count("began") == 2)
    (tmp_path / "go on").write_text("")
    thread.join(180)
    assert {outcome.ticket.key for outcome in outcomes} == {each.key for each in tickets}
    assert all(outcome.record.ok and not outcome.elsewhere for outcome in outcomes)
    assert len(list(store.records())) == 4
    assert [log.count("process ") for log in logs(store, "bad") + logs(store, "scratch")] == [1] * 4


def test_a_job_that_submitit_interrupts_goes_on_from_its_checkpoint_to_the_same_bits(
    by_jobs, job, ticket, store, heard, tmp_path
):
    one = ticket(how="wait")
    thread, outcomes = by_jobs([one])
    worker = waits_in(tmp_path)
    [process] = until(lambda: list(of_jobs(store).values()))
    os.kill(process, signal.SIGUSR2)
    waits_in(tmp_path, before=worker)
    (tmp_path / "go on").write_text("")
    thread.join(180)
    [outcome] = outcomes
    [log] = logs(store, "bad")
    assert log.count("process ") == 2
    assert len(list(store.records())) == 1
    elsewhere = replace(job, results=tmp_path / "undisturbed")
    [alone] = Local(elsewhere, [Seat("worker 1", "cpu", 1)], heard).run([one])
    assert outcome.record.curve.train_loss == alone.record.curve.train_loss
    assert outcome.record.predictions == alone.record.predictions
    assert outcome.record.curve.steps == alone.record.curve.steps


def test_a_job_that_is_taken_away_stores_no_failure_even_if_its_workers_die_first(by_jobs, ticket, store, tmp_path):
    thread, outcomes = by_jobs([ticket(how="wait")])
    worker = waits_in(tmp_path)
    [process] = until(lambda: list(of_jobs(store).values()))
    os.kill(worker, signal.SIGTERM)
    os.kill(process, signal.SIGTERM)
    thread.join(180)
    assert outcomes == []
    assert list(store.paths()) == []
    assert not runs(store)


def test_cells_of_a_killed_job_are_named_and_the_same_command_completes_them(by_jobs, ticket, store, heard, tmp_path):
    tickets = [ticket(how="wait"), ticket("scratch")]
    thread, outcomes = by_jobs(tickets)
    waits_in(tmp_path)
    [process] = until(lambda: list(of_jobs(store).values()))
    os.kill(process, signal.SIGKILL)
    thread.join(180)
    assert outcomes == []
    assert any("2 cells have no record" in line and tickets[0].name in line for line in heard.said)
    (tmp_path / "go on").write_text("")
    thread, outcomes = by_jobs(tickets)
    thread.join(180)
    assert sorted(outcome.ticket.key for outcome in outcomes) == sorted(each.key for each in tickets)
    assert len(submissions(store)) == 2
    clear(store, submissions(store))
    assert submissions(store) == []


def test_a_node_of_other_hardware_refuses_and_the_command_shows_it(job, ticket, heard, monkeypatch):
    monkeypatch.setenv("PYTHONPATH", f"{HOUSE}:{HOUSE / 'tests'}")
    executor = Slurm(replace(job, machine="abacus-1c", environment={}), "cpu", LOW, heard, 1, None, LocalCluster(), 0.0)
    assert list(executor.run([ticket("scratch")])) == []
    assert any("the plan was made for abacus-1c" in line for line in heard.said)
    assert any("1 cells have no record" in line for line in heard.said)


@pytest.fixture(scope="module")
def slurm(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """A real SLURM on this machine."""
    missing = [name for name in ("munged", "slurmctld", "slurmd", "sbatch") if not shutil.which(name)]
    if missing or os.geteuid():
        pytest.skip(f"SLURM needs root and its programs; missing here: {', '.join(missing) or 'root'}")
    folder = tmp_path_factory.mktemp("slurm")
    started = subprocess.run([SCRIPT, "start", folder], stdout=subprocess.PIPE, text=True, check=True).stdout
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SLURM_CONF", re.search("SLURM_CONF=(.+)", started)[1])
        patch.setenv("PYTHONPATH", f"{HOUSE}:{HOUSE / 'tests'}")
        yield
        subprocess.run([SCRIPT, "stop", folder], check=True)


@pytest.fixture(scope="module")
def answer(slurm, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What a node says of its hardware, asked once."""
    said: list[str] = []
    store = Store(tmp_path_factory.mktemp("asked"))
    assert ask(SlurmCluster(), store, LOW, "cpu", said.append) == place_here("cpu")
    assert "asking a node of partition low" in said[0]
    [path] = (store.root / ".runs" / "places").iterdir()
    return path


@pytest.fixture
def command(answer: Path, store: Store, tmp_path: Path) -> Iterator[Callable[..., subprocess.Popen]]:
    """Starts a run of two cells, one of which waits for a file, in jobs."""
    kept = kept_path(store, LOW, "cpu")
    kept.parent.mkdir(parents=True)
    shutil.copy(answer, kept)
    started: list[subprocess.Popen] = []

    def start(*options: str) -> subprocess.Popen:
        arguments = ["run", "--tasks", "mytoy", "--plugin", str(PLUGIN), "--methods", "scratch,bad"]
        arguments += ["--set", "bad.how=wait", "--set", f"bad.where={tmp_path}", "--results", str(store.root)]
        arguments += ["--executor", "slurm", "--partition", "low", "--time", "10", "--cpus", "1", *options]
        process = subprocess.Popen(
            [sys.executable, "-m", "bench", *arguments],
            cwd=HOUSE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        started.append(process)
        return process

    yield start
    for process in started:
        process.kill()
        process.wait()
        process.stdout.close()
    subprocess.run(["scancel", "--user", "root"], check=False)


def output(process: subprocess.Popen, code: int) -> str:
    out, _ = process.communicate(timeout=180)
    assert process.returncode == code, out
    return out


def queued() -> list[str]:
    lines = subprocess.run(
        ["squeue", "--noheader", "--array", "--format=%i"], capture_output=True, text=True, check=True
    )
    return lines.stdout.split()


def test_a_job_that_slurm_takes_away_goes_on_and_leaves_no_failure(command, store, tmp_path):
    process = command("--jobs", "1")
    worker = waits_in(tmp_path)
    [job] = queued()
    # Once by hand, once by a job that goes first.
    subprocess.run(["scontrol", "requeue", job], check=True)
    worker = waits_in(tmp_path, before=worker)
    subprocess.run(["sbatch", "-p", "high", "--exclusive", "-o", "/dev/null", "--wrap", "sleep 1"], check=True)
    worker = waits_in(tmp_path, before=worker)
    # And as at its time limit, or where the site sends this signal: every process of the job gets it.
    subprocess.run(["scancel", "--signal=USR2", job], check=True)
    waits_in(tmp_path, before=worker)
    (tmp_path / "go on").write_text("")
    assert "[2/2]" in output(process, 0)
    assert [path.name.split("-")[0] for path, _ in store.records()] == ["bad", "scratch"]
    assert not [path for path in store.paths() if path.name.endswith(".failed.json")]
    assert [log.count("process ") for log in logs(store, "scratch") + logs(store, "bad")] == [1, 4]


def test_jobs_go_on_without_their_command_and_nothing_is_submitted_twice(command, store, tmp_path, capsys):
    process = command("--jobs", "2")
    waits_in(tmp_path)
    until(lambda: len(list(store.paths())) == 1)
    process.kill()
    # The job that has nothing left to do ends, and does not wait for the other.
    before = until(lambda: len(found := queued()) == 1 and found)

    def status() -> dict[str, Any]:
        assert main(["status", "--results", str(store.root), "--json"]) == 0
        return json.loads(capsys.readouterr().out)

    until(lambda: any(run["job"] and run["running"] for run in status()["runs"]))
    told = status()
    [submission] = told["submissions"]
    assert (submission["cells"], submission["ended"]) == (2, 1)
    assert [job["state"] for job in submission["jobs"]] == ["RUNNING"]
    assert main(["status", "--results", str(store.root)]) == 0
    said = capsys.readouterr().out
    assert "1 of 2 cells have ended" in said
    assert "1 RUNNING" in said
    assert "bad · mytoy" in said
    # The same command follows the job that is there; Ctrl-C leaves it alone.
    process = command("--jobs", "2")
    assert any("is followed" in line for line in iter(process.stdout.readline, ""))
    process.send_signal(signal.SIGINT)
    assert f"`scancel {before[0].partition('_')[0]}` ends them" in output(process, 130)
    process = command("--jobs", "2")
    assert any("is followed" in line for line in iter(process.stdout.readline, ""))
    assert queued() == before
    (tmp_path / "go on").write_text("")
    assert "[1/1]" in output(process, 0)
    assert [log.count("process ") for log in logs(store, "scratch") + logs(store, "bad")] == [1, 1]
    out = output(command("--jobs", "2"), 0)
    assert "nothing to do" in out
    assert "submitted" not in out


def test_what_slurm_or_a_node_refuses_is_told(command, store):
    assert "invalid partition" in output(command("--partition", "nope"), 2)
    assert "this machine has 0 GPUs" in output(command("--gpus", "1"), 2)
    assert not submissions(store)
