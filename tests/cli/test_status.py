"""`status`: from names and small files, whatever state a crash has left them in."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

from bench.executors.slurm.submission import SubmittedCell, new_submission
from bench.runs import FOLDER
from bench.store import Store


def test_a_file_of_a_run_that_a_crash_has_cut_off_is_told(bench, tmp_path):
    torn = tmp_path / "results" / FOLDER / "node-17-4.json"
    torn.parent.mkdir(parents=True)
    torn.write_text("")
    code, out, _ = bench("status", "--results", tmp_path / "results")
    assert code == 0
    assert f"{torn} cannot be read: a crash has cut it off" in out
    assert "nothing runs" not in out
    assert "holds 0 finished and 0 failed cells" in out
    code, out, _ = bench("status", "--results", tmp_path / "results", "--json")
    assert (code, json.loads(out)["unreadable_runs"]) == (0, [str(torn)])


def test_needs_no_torch_also_where_cells_have_been_submitted(tmp_path):
    store = Store(tmp_path)
    new_submission(store, "m", [SubmittedCell(key="a", path="m/t/a.json", mark=(0, 0))], [])
    program = (
        "import sys; from bench.cli.main import main\n"
        "code = main(['status', '--results', sys.argv[1]])\n"
        "print(code, {'torch', 'methods', 'tasks', 'bench.engine'} & set(sys.modules))"
    )
    command = [sys.executable, "-c", program, str(tmp_path)]
    done = subprocess.run(command, cwd=Path(__file__).parents[2], capture_output=True, text=True, check=True)
    assert "0 of 1 cells have ended" in done.stdout
    assert done.stdout.splitlines()[-1] == "0 set()"
