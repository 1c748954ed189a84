"""Claims: one process has each, and the system gives them back when it ends, however it ends."""

from __future__ import annotations

import errno
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from bench import claims
from bench.claims import FILE, Claims
from bench.errors import StoreError

HOLDER = """
import os, sys, time
from pathlib import Path
from bench.claims import Claims
assert Claims(Path(sys.argv[1])).take(sys.argv[2])
if "fork" in sys.argv and not os.fork():
    os.write(1, f"child {os.getpid()}\\n".encode())
    time.sleep(60)
os.write(1, b"taken\\n")
time.sleep(60)
"""


@pytest.fixture
def holder(tmp_path: Path):
    """Starts a process that takes a claim and keeps it until it is killed."""
    started: list[subprocess.Popen] = []
    here = Path(__file__).parents[1]

    def start(name: str, *more: str) -> tuple[subprocess.Popen, list[str]]:
        command = [sys.executable, "-c", HOLDER, str(tmp_path), name, *more]
        process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=here)
        started.append(process)
        return process, sorted(process.stdout.readline().strip() for _ in range(1 + len(more)))

    yield start
    for process in started:
        process.kill()
        process.wait()
        process.stdout.close()


def test_a_claim_is_one_process_s(tmp_path, holder):
    holder("a cell")
    mine = Claims(tmp_path)
    assert not mine.take("a cell")
    assert not mine.free("a cell")
    assert mine.take("another cell")
    mine.release("another cell")
    assert mine.free("another cell")


def test_a_killed_process_gives_its_claims_back(tmp_path, holder):
    process, _ = holder("a cell")
    process.kill()
    process.wait()
    assert Claims(tmp_path).take("a cell")


def test_a_child_that_a_killed_process_has_forked_does_not_keep_its_claim(tmp_path, holder):
    process, lines = holder("a cell", "fork")
    child = int(lines[0].split()[1])
    process.kill()
    process.wait()
    try:
        assert Claims(tmp_path).take("a cell")
    finally:
        os.kill(child, signal.SIGKILL)


def test_held_waits_until_the_claim_is_free(tmp_path, holder):
    process, _ = holder("board")
    begin = time.monotonic()
    subprocess.Popen(["sh", "-c", f"sleep 0.3; kill -9 {process.pid}"])
    with Claims(tmp_path).held("board"):
        assert time.monotonic() - begin > 0.2


def test_two_stores_of_one_process_share_their_claims(tmp_path, holder):
    first = Claims(tmp_path)
    assert first.take("a cell")
    # Another one's end must not give it back: the system would, had each a descriptor of its own.
    assert Claims(tmp_path).take("another")
    found = subprocess.run(
        [sys.executable, "-c", HOLDER, str(tmp_path), "a cell"], cwd=Path(__file__).parents[1], capture_output=True
    )
    assert found.returncode


def test_a_file_of_claims_that_was_removed_is_made_again(tmp_path, holder):
    mine = Claims(tmp_path)
    assert mine.take("a cell")
    (tmp_path / FILE).unlink()
    holder("a cell")  # of the new file
    assert not mine.take("a cell")


def test_the_file_stays_empty(tmp_path):
    mine = Claims(tmp_path)
    for number in range(100):
        assert mine.take(f"cell {number}")
    assert (tmp_path / FILE).stat().st_size == 0


def test_a_file_system_without_locks_is_an_error_that_says_so(tmp_path, monkeypatch):
    def none(*arguments):
        raise OSError(errno.ENOLCK, "No locks available")

    monkeypatch.setattr(claims.fcntl, "lockf", none)
    with pytest.raises(StoreError, match=r"cannot be locked: No locks available.*--results"):
        Claims(tmp_path).take("a cell")


def test_a_file_of_claims_that_cannot_be_opened_is_no_sign_of_another_process(tmp_path, monkeypatch):
    def refused(*arguments):
        raise PermissionError(errno.EACCES, "Permission denied")

    monkeypatch.setattr(claims.os, "open", refused)
    mine = Claims(tmp_path)
    for ask in (mine.take, mine.free, lambda name: mine.held(name).__enter__()):
        with pytest.raises(StoreError, match=r"\.claims cannot be opened: Permission denied.*--results"):
            ask("a cell")


def test_held_never_goes_on_without_the_claim(tmp_path, monkeypatch):
    def busy(*arguments):
        raise OSError(errno.EAGAIN, "Resource temporarily unavailable")

    monkeypatch.setattr(claims.fcntl, "lockf", busy)
    with pytest.raises(StoreError, match="does not wait for locks"), Claims(tmp_path).held("board"):
        pytest.fail("inside without the claim")


def test_asking_whether_a_claim_is_free_does_not_give_back_this_process_s_own(tmp_path):
    mine = Claims(tmp_path)
    assert mine.take("a cell")
    assert not mine.free("a cell")
    assert not Claims(tmp_path).free("a cell")
    assert not taken_elsewhere(tmp_path, "a cell")
    mine.release("a cell")
    assert mine.free("a cell")


def test_a_child_of_this_process_does_not_take_its_claims_for_its_own(tmp_path):
    mine = Claims(tmp_path)
    assert mine.take("a cell")
    here, there = os.pipe()
    child = os.fork()
    if not child:
        code = 1
        try:
            os.read(here, 1)
            code = 0 if mine.free("a cell") else 1
        finally:
            os._exit(code)
    mine.release("a cell")
    os.write(there, b"1")
    assert os.waitpid(child, 0)[1] == 0


def test_claims_end_with_their_file(tmp_path):
    mine = Claims(tmp_path)
    assert mine.take("a cell")
    (tmp_path / FILE).unlink()
    assert mine.free("a cell")


def taken_elsewhere(folder: Path, name: str) -> bool:
    """Whether another process gets the claim."""
    program = "import sys; from pathlib import Path; from bench.claims import Claims\n"
    program += "sys.exit(0 if Claims(Path(sys.argv[1])).take(sys.argv[2]) else 3)"
    done = subprocess.run(
        [sys.executable, "-c", program, str(folder), name], cwd=Path(__file__).parents[1], check=False
    )
    assert done.returncode in (0, 3)
    return done.returncode == 0
