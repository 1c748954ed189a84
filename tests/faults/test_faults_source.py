"""The source itself: it unpickles nothing, runs no text, and reads no wall clock where it measures."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

import bench

HOUSE = Path(bench.__file__).parents[1]
PICKLES = {"pickle", "cPickle", "_pickle", "dill", "cloudpickle", "joblib", "shelve", "marshal"}
RUNS_TEXT = {"eval", "exec", "compile", "os.system", "os.popen"}
UNPICKLES = {"pd.read_pickle", "pandas.read_pickle", "yaml.load", "yaml.unsafe_load"}
FROM_A_FOLDER = re.compile(r"Auto\w*\.from_(pretrained|config)$")
ALLOWED = {
    ("bench/board/entries.py", "marshal"): "of bytes that it marshalled itself",
    ("bench/soundness.py", "marshal"): "of bytes that it marshalled itself",
    ("tasks/networks/language.py", "pickle"): "the name of an error",
}


def sources() -> Iterator[tuple[str, ast.AST]]:
    """Every file of the project with what it says."""
    for part in ("bench", "methods", "tasks"):
        for path in sorted((HOUSE / part).rglob("*.py")):
            yield path.relative_to(HOUSE).as_posix(), ast.parse(path.read_text(encoding="utf-8"))


def complaints_about(path: str, tree: ast.AST) -> list[str]:
    """What unpickles, or runs text as code, with its line."""
    found = []
    for node in ast.walk(tree):
        modules = []
        if isinstance(node, ast.Import):
            modules = [each.name for each in node.names]
        elif isinstance(node, ast.ImportFrom):
            modules = [node.module or ""]
        found += [
            f"{path}:{node.lineno}: imports {each}"
            for each in modules
            if each.partition(".")[0] in PICKLES and (path, each) not in ALLOWED
        ]
        if not isinstance(node, ast.Call):
            continue
        called = ast.unparse(node.func)
        options = {each.arg: ast.unparse(each.value) for each in node.keywords}
        wrong = (
            called in RUNS_TEXT | UNPICKLES
            or (called == "torch.load" and options.get("weights_only") != "True")
            or (called in ("np.load", "numpy.load") and options.get("allow_pickle", "False") != "False")
            or options.get("shell", "False") != "False"
            or options.get("trust_remote_code", "False") != "False"
            or (FROM_A_FOLDER.match(called) and "NO_CODE" not in options.values())
        )
        if wrong:
            found.append(f"{path}:{node.lineno}: calls {ast.unparse(node)[:100]}")
    return found


def test_the_source_unpickles_nothing_and_runs_no_text():
    """Weights are safetensors, or torch.load with weights_only=True; a folder's own Python is never run."""
    assert [found for path, tree in sources() for found in complaints_about(path, tree)] == []


@pytest.mark.parametrize(
    "line",
    [
        "import pickle",
        "from joblib import load",
        "torch.load(path)",
        "torch.load(path, weights_only=False)",
        "np.load(path, allow_pickle=True)",
        "eval(text)",
        "subprocess.run(text, shell=True)",
        "AutoModel.from_pretrained(path)",
        "AutoModel.from_pretrained(path, trust_remote_code=True, **NO_CODE)",
        "pd.read_pickle(path)",
    ],
)
def test_what_the_source_must_not_do_is_found(line):
    assert complaints_about("bench/x.py", ast.parse(line))
    assert not complaints_about("bench/x.py", ast.parse("torch.load(path, weights_only=True); np.load(path)"))


WALL_CLOCKS = (
    "time.time",
    "time.time_ns",
    "time.localtime",
    "time.ctime",
    "datetime.utcnow",
    "datetime.today",
    "date.today",
)


def wall_clocks(path: str, tree: ast.AST) -> list[str]:
    """What asks for the time of day, which jumps, or for it in a zone that changes."""
    calls = [node for node in ast.walk(tree) if isinstance(node, ast.Call)]
    return [
        f"{path}:{node.lineno}: calls {ast.unparse(node)}"
        for node in calls
        if (called := ast.unparse(node.func)).endswith(WALL_CLOCKS)
        or (called.endswith("datetime.now") and [ast.unparse(each) for each in node.args] != ["UTC"])
    ]


def test_nothing_is_measured_on_the_wall_clock():
    """Durations are of time.perf_counter or time.monotonic; a date is datetime.now(UTC)."""
    assert [found for path, tree in sources() for found in wall_clocks(path, tree)] == []


@pytest.mark.parametrize("line", ["time.time()", "datetime.now()", "datetime.datetime.now()", "datetime.utcnow()"])
def test_a_wall_clock_is_found(line):
    assert wall_clocks("bench/x.py", ast.parse(line))
    assert not wall_clocks("bench/x.py", ast.parse("datetime.now(UTC); time.perf_counter(); time.monotonic()"))
