"""Names → plugins: built in, from entry points, or from a file given by path. Listing imports nothing."""

from __future__ import annotations

import fnmatch
import hashlib
import importlib
import importlib.util
import inspect
import sys
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from importlib.metadata import entry_points
from pathlib import Path
from typing import Any

from bench.errors import BenchError, UsageError, blamed, unknown
from bench.method import Method
from bench.task import Task

KINDS = {"methods": Method, "tasks": Task}
"""The kinds of plugin; entry points are in the groups kdbench.methods and kdbench.tasks."""


PLUGIN_MODULE = "kdbench_plugin_"
"""How the module names of plugin files begin."""


@dataclass(frozen=True)
class Plugin:
    """A name, what it is, and where it came from."""

    name: str
    summary: str
    origin: str
    """`built in`, the distribution that brings the entry point, or the file's path."""
    load: Callable[[], type]


class Registry:
    """All plugins of one command. `plugin_files` are the paths given with --plugin."""

    def __init__(self, plugin_files: Iterable[Path] = ()) -> None:
        self._plugins: dict[str, dict[str, Plugin]] = {kind: {} for kind in KINDS}
        for kind in KINDS:
            for name, (location, summary) in importlib.import_module(f"{kind}.table").TABLE.items():
                self._add(kind, Plugin(name, summary, "built in", _importer(location)))
            for point in entry_points(group=f"kdbench.{kind}"):
                origin = point.dist.name if point.dist else point.value
                self._add(kind, Plugin(point.name, f"from {origin}", origin, point.load))
        for path in plugin_files:
            self._add_file(path)

    def plugins(self, kind: str) -> list[Plugin]:
        """All plugins of a kind, in the order in which they were found."""
        return list(self._plugins[kind].values())

    def select(self, kind: str, patterns: str) -> list[str]:
        """Names that match a comma-separated list of names and wildcards; `all` is every name."""
        names = list(self._plugins[kind])
        chosen: list[str] = []
        for pattern in (part.strip() for part in patterns.split(",")):
            matches = names if pattern == "all" else fnmatch.filter(names, pattern)
            if kind == "tasks" and path_task(pattern):
                matches = [pattern]
            if not matches:
                of_paths = [f"{form}:PATH" for form in path_tasks()] if kind == "tasks" else []
                raise unknown(kind.removesuffix("s"), pattern, names + of_paths, f"(`python -m bench list {kind}`)")
            chosen += [name for name in matches if name not in chosen]
        return chosen

    def method(self, name: str) -> type[Method]:
        """The class of a method."""
        return self._load("methods", name)

    def task(self, name: str) -> Task:
        """A task, made; one that a path makes is named `KIND:PATH`."""
        location = path_task(name)
        if location:
            with blamed(f"task {name!r}"):
                return _importer(location)()(*name.split(":", 1))
        cls = self._load("tasks", name)
        with blamed(f"task {name!r}"):
            return cls()

    def _load(self, kind: str, name: str) -> Any:
        if name not in self._plugins[kind]:
            raise unknown(kind.removesuffix("s"), name, self._plugins[kind])
        plugin = self._plugins[kind][name]
        try:
            loaded = plugin.load()
        except Exception as error:
            raise UsageError(f"{name!r} from {plugin.origin} cannot be loaded: {error}") from error
        if not (inspect.isclass(loaded) and issubclass(loaded, KINDS[kind])):
            raise UsageError(
                f"{name!r} from {plugin.origin} is {loaded!r}, expected a subclass of {KINDS[kind].__name__}"
            )
        called = getattr(loaded, "name", None)
        if called != name:
            raise UsageError(f"{name!r} from {plugin.origin} calls itself {called!r}: the names must be equal")
        return loaded

    def _add(self, kind: str, plugin: Plugin) -> None:
        known = self._plugins[kind].get(plugin.name)
        if known is not None:
            raise UsageError(
                f"two {kind} are named {plugin.name!r}: {known.origin} and {plugin.origin}. Rename one of them."
            )
        self._plugins[kind][plugin.name] = plugin

    def _add_file(self, path: Path) -> None:
        module = _module_of(path)
        found = 0
        for kind, base in KINDS.items():
            for member in vars(module).values():
                if inspect.isclass(member) and issubclass(member, base) and member.__module__ == module.__name__:
                    if "name" not in vars(member):
                        continue  # a base class of the file's own plugins
                    found += 1
                    summary = (inspect.getdoc(member) or "").partition("\n")[0]
                    self._add(kind, Plugin(member.name, summary, str(path), lambda member=member: member))
        if not found:
            raise UsageError(f'plugin {path} defines no method (@method("name")) and no task (class with a name)')


def path_task(name: str) -> str | None:
    """Where the class of a task named `KIND:PATH` is; None for any other name."""
    kind, colon, _ = name.partition(":")
    of_paths = importlib.import_module("tasks.table").OF_PATHS
    return of_paths[kind].location if colon and kind in of_paths else None


def path_tasks() -> dict[str, str]:
    """The kinds of tasks that a path makes, and one line about each."""
    return {kind: entry.summary for kind, entry in importlib.import_module("tasks.table").OF_PATHS.items()}


def source_digest(cls: type) -> str:
    """The sha256 of the file that defines a class: a changed source under the same version can be seen."""
    return hashlib.sha256(Path(inspect.getfile(cls)).read_bytes()).hexdigest()


def _importer(location: str) -> Callable[[], type]:
    module, _, name = location.partition(":")
    return lambda: getattr(importlib.import_module(module), name)


def _module_of(path: Path) -> Any:
    """The imported module of a file. A file that is missing or raises gives a UsageError that says where."""
    if not path.is_file():
        raise UsageError(f"plugin {path} does not exist: expected a Python file")
    name = f"{PLUGIN_MODULE}{path.stem}_{hashlib.sha256(str(path.resolve()).encode()).hexdigest()[:8]}"
    path = path.resolve()
    spec = importlib.util.spec_from_file_location(name, path)
    module = importlib.util.module_from_spec(spec)
    # Dataclasses look their module up while they are made.
    sys.modules[name] = module
    try:
        spec.loader.exec_module(module)
    except BenchError:
        raise
    except Exception as error:
        del sys.modules[name]
        line = next(
            (frame.tb_lineno for frame in _frames(error) if frame.tb_frame.f_code.co_filename == str(path)),
            "?",
        )
        raise UsageError(f"plugin {path} raised {type(error).__name__} at line {line}: {error}") from error
    return module


def _frames(error: BaseException) -> Iterable[Any]:
    frame = error.__traceback__
    while frame is not None:
        yield frame
        frame = frame.tb_next
