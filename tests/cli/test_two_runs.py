"""Two commands at the same time on one results folder."""

from __future__ import annotations

import os
import subprocess
import sys
from collections import Counter
from pathlib import Path

from bench.board.entries import BoardRecord
from bench.board.leaderboard import leaderboard
from bench.store import Store

HOUSE = Path(__file__).parents[2]
PLUGIN = HOUSE / "tests" / "executors" / "misbehaving.py"


def test_two_commands_share_the_cells_and_the_teacher(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "bench", "run", "--tasks", "mytoy", "--plugin", str(PLUGIN), "--methods"]
    command += ["scratch,kd,at,dml", "--seeds", "0-1", "--workers", "2", "--results", str(tmp_path / "results")]
    paths = {"PYTHONPATH": f"{HOUSE}:{HOUSE / 'tests'}", "BENCH_CACHE": str(tmp_path / "cache")}
    runs = [
        subprocess.Popen(command, cwd=HOUSE, env=os.environ | paths, stdout=subprocess.PIPE, text=True)
        for _ in range(2)
    ]
    said = [run.communicate(timeout=300)[0] for run in runs]
    assert [run.returncode for run in runs] == [0, 0], said
    store = Store(tmp_path / "results")
    assert Counter(record.status for _, record in store.records()) == {"ok": 8}
    logs = [path.read_text() for path in (store.root / "logs").rglob("*.log")]
    assert [log.count(", process ") for log in logs] == [1] * 8
    assert "".join(said).count("training the teacher wide") == 1
    board = leaderboard(store.records(BoardRecord), store.root, store.root / "LEADERBOARD.md")
    assert board.differences() == ""
