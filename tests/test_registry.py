"""Names → plugins: what collides, what matches, what is wrong with a file."""

from __future__ import annotations

import subprocess
import sys
from importlib.metadata import EntryPoint
from pathlib import Path

import pytest

from bench import registry as module
from bench.errors import UsageError
from bench.registry import Registry, source_digest

ROOT = Path(__file__).parents[1]
PLUGIN = """
from bench.method import Method, method

@method("{name}")
class Mine(Method):
    '''My method.

    More about it.
    '''
    weight: float = 2.0
"""


def plugin(folder: Path, text: str, file: str = "mine.py") -> Path:
    path = folder / file
    path.write_text(text)
    return path


def test_the_built_in_plugins_are_listed_in_order() -> None:
    names = [each.name for each in Registry().plugins("methods")]
    assert names[:2] == ["scratch", "kd"]
    assert {each.origin for each in Registry().plugins("tasks")} == {"built in"}
    assert all(each.summary for kind in ("methods", "tasks") for each in Registry().plugins(kind))


@pytest.mark.parametrize("kind", ["methods", "tasks"])
def test_every_entry_of_the_tables_is_what_it_says(kind: str) -> None:
    registry = Registry()
    for each in registry.plugins(kind):
        load = registry.method if kind == "methods" else registry.task
        assert load(each.name).name == each.name


@pytest.mark.parametrize(
    ("patterns", "names"),
    [
        ("kd", ["kd"]),
        ("sp, kd", ["sp", "kd"]),
        ("*kd", ["kd", "pkd"]),
        ("kd,*kd,kd", ["kd", "pkd"]),
        ("[s]*", ["scratch", "sp"]),
    ],
)
def test_names_and_wildcards(patterns: str, names: list[str]) -> None:
    assert Registry().select("methods", patterns) == names


def test_all_is_every_name() -> None:
    assert Registry().select("methods", "all") == [each.name for each in Registry().plugins("methods")]


@pytest.mark.parametrize(
    ("patterns", "message"),
    [
        ("fitnet", "unknown method 'fitnet': did you mean fitnets or "),
        ("kd,x*", r"unknown method 'x\*': known: at, dml, .*list methods"),
        ("", "unknown method ''"),
        ("kd,", "unknown method ''"),
    ],
)
def test_an_unknown_name_is_told_the_nearest(patterns: str, message: str) -> None:
    with pytest.raises(UsageError, match=message):
        Registry().select("methods", patterns)


def test_loading_an_unknown_name_is_told_the_nearest() -> None:
    with pytest.raises(UsageError, match=r"unknown method 'kdd': did you mean .*kd"):
        Registry().method("kdd")
    with pytest.raises(UsageError, match=r"unknown task 'digit': did you mean digits\?"):
        Registry().task("digit")


def test_a_file_is_a_plugin(tmp_path: Path) -> None:
    path = plugin(tmp_path, PLUGIN.format(name="mine"))
    registry = Registry([path])
    (found,) = [each for each in registry.plugins("methods") if each.name == "mine"]
    assert (found.summary, found.origin) == ("My method.", str(path))
    cls = registry.method("mine")
    assert cls().parameters() == {"weight": 2.0}
    before = source_digest(cls)
    path.write_text(path.read_text() + "\n# changed\n")
    assert source_digest(cls) != before


def test_two_files_of_one_name_are_two_modules(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    files = [plugin(tmp_path / folder, PLUGIN.format(name=f"mine_{folder}")) for folder in ("a", "b")]
    registry = Registry(files)
    assert registry.method("mine_a").__module__ != registry.method("mine_b").__module__


def test_base_classes_and_imported_methods_are_no_plugins(tmp_path: Path) -> None:
    text = "from methods.kd import KnowledgeDistillation\nfrom bench.method import Method\nclass Base(Method): pass\n"
    registry = Registry([plugin(tmp_path, text + PLUGIN.format(name="mine"))])
    assert [each.name for each in registry.plugins("methods") if each.origin != "built in"] == ["mine"]


def test_a_name_that_is_taken_is_refused_with_both_origins(tmp_path: Path) -> None:
    path = plugin(tmp_path, PLUGIN.format(name="kd"))
    with pytest.raises(UsageError, match=r"two methods are named 'kd': built in and .*mine\.py\. Rename one"):
        Registry([path])
    mine, other = (plugin(tmp_path, PLUGIN.format(name="mine"), file) for file in ("mine.py", "other.py"))
    with pytest.raises(UsageError, match=r"two methods are named 'mine': .*mine\.py and .*other\.py"):
        Registry([mine, other])


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("x = 1\n\nx.y\n", "raised AttributeError at line 3"),
        ("import bench\nimport nothing_like_this\n", "raised ModuleNotFoundError at line 2: No module named"),
        ("def f(:\n", "raised SyntaxError"),
        ("x = 1\n", "defines no method .* and no task"),
    ],
)
def test_what_is_wrong_with_a_file_is_said_with_its_line(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(UsageError, match=rf"mine\.py {message}"):
        Registry([plugin(tmp_path, text)])


def test_a_relative_path_tells_the_line_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    plugin(tmp_path, "x = 1\n\nx.y\n")
    monkeypatch.chdir(tmp_path)
    with pytest.raises(UsageError, match="raised AttributeError at line 3"):
        Registry([Path("mine.py")])


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"none\.py does not exist: expected a Python file"):
        Registry([tmp_path / "none.py"])


def with_entry_points(monkeypatch: pytest.MonkeyPatch, **methods: str) -> Registry:
    """A registry on a machine where another distribution brings these methods."""
    points = [EntryPoint(name, value, "kdbench.methods") for name, value in methods.items()]
    monkeypatch.setattr(module, "entry_points", lambda group: [each for each in points if each.group == group])
    return Registry()


def test_entry_points_are_plugins_and_loaded_late(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    plugin(tmp_path, PLUGIN.format(name="theirs"), "theirs_package.py")
    monkeypatch.syspath_prepend(tmp_path)
    registry = with_entry_points(monkeypatch, theirs="theirs_package:Mine")
    assert "theirs" in registry.select("methods", "all")
    assert "theirs_package" not in sys.modules
    assert registry.method("theirs").name == "theirs"
    del sys.modules["theirs_package"]


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ("nothing_like_this:Mine", "'theirs' from nothing_like_this:Mine cannot be loaded: No module named"),
        ("methods.kd:Nothing", "'theirs' from methods.kd:Nothing cannot be loaded: .*no attribute 'Nothing'"),
        ("methods.kd:kd_losses", "is <function kd_losses.*>, expected a subclass of Method"),
        ("methods.kd:KnowledgeDistillation", "calls itself 'kd': the names must be equal"),
        ("bench.method:Method", "calls itself None: the names must be equal"),
    ],
)
def test_what_is_wrong_with_an_entry_point_is_said(monkeypatch: pytest.MonkeyPatch, value: str, message: str) -> None:
    registry = with_entry_points(monkeypatch, theirs=value)
    with pytest.raises(UsageError, match=message):
        registry.method("theirs")


def test_an_entry_point_cannot_replace_a_built_in(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(UsageError, match="two methods are named 'kd': built in and other:Kd"):
        with_entry_points(monkeypatch, kd="other:Kd")


def test_listing_imports_neither_torch_nor_timm() -> None:
    code = (
        "import sys; from bench.registry import Registry; made = Registry();"
        "print(*[each.summary for kind in ('methods', 'tasks') for each in made.plugins(kind)]);"
        "made.task('digits'); made.task('cifar100');"
        "sys.exit(bool({'torch', 'timm', 'sklearn', 'torchvision'} & set(sys.modules)))"
    )
    assert subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=False, capture_output=True).returncode == 0
