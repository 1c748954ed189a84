"""What the tests of the page share: records of two machines, and how a report is read back."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from records import failure, record

from bench.board.entries import BoardRecord
from bench.page.report import write_report
from bench.page.script import ESCAPES
from bench.record import Record
from bench.store import Store

END = b"`);\n"
HOSTILE = (
    "<img src=x onerror='window.injected = 1'>",
    "</script><script>window.injected = 1</script>",
    "`); window.injected = 1; (`",
    "${window.injected = 1}",
    "\\`); window.injected = 1; (\\",
    "'\"\\u003c\u2028\u2029<!--<b>&lt;a href=javascript:window.injected=1>",
)


def made() -> list[Record]:
    """Five methods on one machine, three on another, two runs that failed, and another task."""
    rising = (50.0, 60.0, 63.0, 66.0)
    first = [
        record(method, seed, test=68.0 + shift + seed / 10, select=rising, seconds=10.0 + shift)
        for shift, method in enumerate(("scratch", "kd", "pkd", "at"))
        for seed in range(5)
    ]
    other = [
        record(method, seed, test=68.5, select=rising, seconds=1.0, machine="gpu")
        for method in ("kd", "pkd", "sp")
        for seed in range(2)
    ]
    failed = [failure("at", 5), failure("fsp", 0, status="error", reason="Traceback\nValueError: two\nlines")]
    return [*first, *other, *failed, record("kd", task="digits", pair=("resnet14", "resnet8"))]


def at_budget(made: Record, share: float) -> Record:
    """The same run with a share of the budget."""
    cell = made.cell.model_copy(update={"budget": share})
    return made.model_copy(update={"cell": cell, "key": cell.key})


def hostile() -> list[Record]:
    """Records whose every free text tries to get out of its place."""
    return [
        record(
            text,
            seed,
            task=HOSTILE[seed % 2],
            pair=(HOSTILE[3], HOSTILE[5]),
            parameters={"__proto__": text, text: [text]},
            environment={"device": text, "__proto__": {"polluted": text}},
            versions={text: text},
            command=text,
        ).model_copy(update={"task_note": text, "skipped": {text: text}, "tuned": {text: text}, "reports": text})
        for seed, text in enumerate(HOSTILE)
    ] + [failure(text, reason=f"Traceback\n{text}", task=HOSTILE[1], pair=(HOSTILE[3], HOSTILE[5])) for text in HOSTILE]


def report(records: Sequence[Record], folder: Path) -> Path:
    """Writes records and their report; the folder of the report."""
    store = Store(folder / "results")
    for each in records:
        store.write(each)
    write_report(store.records(BoardRecord), folder / "results", folder / "report")
    return folder / "report"


def data(folder: Path, name: str) -> Any:
    """What a script of a report hands over."""
    return handed_over((folder / "data" / f"{name}.js").read_bytes(), name)


def contents(folder: Path) -> dict[str, Any]:
    """Everything that the scripts of a report hand over, by name."""
    found = {}
    for path in sorted((folder / "data").rglob("*.js")):
        # Line breaks are in no string, so that this ends no text inside one.
        for each in path.read_bytes().split(END)[:-1]:
            name = each.partition(b"kdbench.put('")[2].partition(b"'")[0].decode()
            found[name] = handed_over(each + END, name)
    return found


def handed_over(text: bytes, name: str) -> Any:
    """The content of a script that hands over `name`."""
    start = f"kdbench.put('{name}', `".encode()
    assert text.startswith(start)
    assert text.endswith(END)
    literal = text[len(start) : -len(END)]
    # The JSON is inside a template literal: whatever would end it or run in it is escaped.
    plain = literal.replace(b"\\\\", b"")
    assert plain.count(b"`") == plain.count(b"\\`")
    assert plain.count(b"$") == plain.count(b"\\$")
    assert b"<" not in literal
    for char, escaped in ((b"`", b"\\`"), (b"$", b"\\$"), (b"\\", b"\\\\")):
        assert (char, escaped) in ESCAPES
        literal = literal.replace(escaped, char)
    return json.loads(literal)
