"""Names and texts from elsewhere: text on the board and the page, one line on a terminal, a name inside the results."""

from __future__ import annotations

import io
import json
import os
import re
import shlex
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from markdown_it import MarkdownIt
from readers import board, export
from records import changed, failure, protocol, record

from bench.board.entries import BoardRecord
from bench.board.markdown import one_line
from bench.cli.main import main
from bench.page.report import ASSETS, write_report
from bench.record import Record
from bench.store import Store
from bench.validation.report import validate

HOSTILE = [
    "<script>alert(1)</script>",
    "<img src=x onerror=alert(1)>",
    "</code></details><h1>x</h1>",
    "<!-- x",
    "&lt;b&gt; &#60;b&#62;",
    "[l](javascript:alert(1))",
    "![i](https://elsewhere.example/i.png)",
    "[l]: https://elsewhere.example",
    "<https://elsewhere.example>",
    "https://elsewhere.example www.elsewhere.example a@elsewhere.example",
    "a|b||c",
    "`code` ``` ~~~",
    "*em* **strong** __strong__ ~~gone~~ $x$",
    "\\| \\[ \\",
    "# h",
    "> quoted",
    ">quoted",
    "- item",
    "+ item",
    "---",
    "1. item",
    "1) item",
    "[ ] task",
    "    four spaces",
    "two\nlines\r\n\r\n# h",
    "\u2028# h\u2029",
    "\x00\x07\x1b[2J\x1b]0;t\x07\x9b2J\x7f",
    "\u202etxet\u202c \u200b\ufeff",
    " ",
    "\u200b",
    "../../../x",
    "/etc/passwd",
    "C:\\x",
    "..",
    "x" * 200,
    "é" * 200,
    "=cmd|' /C calc'!A1",
    "+1+1",
    "@SUM(A1)",
    "__proto__",
]
TEXTS = st.sampled_from(HOSTILE) | st.text(min_size=1, max_size=60) | st.text("<>[]()|`*_~#!&\\:/@-+.1 \n", min_size=1)
TEXTS = TEXTS.filter(lambda text: len(text) <= 200)
MARKDOWN = MarkdownIt("commonmark", {"html": True}).enable(["table", "strikethrough"])


def dressed(text: str) -> list[Record]:
    """A run and a failure with the text wherever a record holds a text of its own choice."""
    identity = {
        "task": text,
        "pair": (text, text),
        "rules": protocol(text, target=text, target_seeds=1, controls=(text,)),
        "parameters": {text: text},
    }
    made = record(
        text, environment={"device": text, text: text, "threads": 1}, versions={text: text}, command=text, **identity
    )
    result = made.result.model_copy(update={"test": {text: 70.0}, "test_selected": {text: 70.0}})
    made = changed(
        made, result=result, metric=text, task_note=text, skipped={f"{text}!": text}, tuned={text: text}, reports=text
    )
    failed = failure(text, 1, reason=f"Traceback\n{text}", **identity)
    return [made, changed(failed, metric=text, tuned={text: text})]


def kept(results: Path, text: str) -> list[Path]:
    return [Store(results).write(each) for each in dressed(text)]


class Structure(HTMLParser):
    """The tags of a text with their attributes, and what stands between them."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, tuple[str, ...]]] = []
        self.links: list[str] = []
        self.text = ""
        self.feed(html)
        self.close()

    def handle_starttag(self, tag, attributes):
        self.tags.append((tag, tuple(sorted(name for name, _ in attributes))))
        self.links += [value for name, value in attributes if name in ("href", "src")]

    def handle_endtag(self, tag):
        self.tags.append((f"/{tag}", ()))

    def handle_data(self, data):
        self.text += data


def rendered(results: Path) -> Structure:
    return Structure(MARKDOWN.render(board(results).text))


@pytest.fixture(scope="module")
def plain(tmp_path_factory: pytest.TempPathFactory) -> list:
    """The tags of a board whose names are harmless."""
    results = tmp_path_factory.mktemp("plain") / "results"
    kept(results, "name")
    return rendered(results).tags


def check_markdown(results: Path, text: str, plain: list) -> None:
    page = rendered(results)
    assert page.tags == plain
    assert all(
        link.startswith("results/") and (results.parent / unquote(link)).is_relative_to(results) for link in page.links
    )
    assert one_line(text) in " ".join(page.text.split())


@pytest.mark.parametrize("text", HOSTILE, ids=range(len(HOSTILE)))
def test_a_text_of_a_record_is_only_text_on_the_board(tmp_path, plain, text):
    kept(tmp_path / "results", text)
    check_markdown(tmp_path / "results", text, plain)


@settings(max_examples=50)
@given(text=TEXTS)
def test_any_text_of_a_record_is_only_text_on_the_board(tmp_path_factory, plain, text):
    results = tmp_path_factory.mktemp("any") / "results"
    kept(results, text)
    check_markdown(results, text, plain)


def test_on_the_page_it_is_only_data(tmp_path):
    for text in HOSTILE:
        kept(tmp_path / "results", text)
    write_report(Store(tmp_path / "results").records(BoardRecord), tmp_path / "results", tmp_path / "report")
    assert (tmp_path / "report" / "index.html").read_bytes() == (ASSETS / "index.html").read_bytes()
    scripts = sorted((tmp_path / "report" / "data").rglob("*.js"))
    assert len(scripts) > len(HOSTILE)
    for script in scripts:
        for line in script.read_bytes().split(b"`);\n")[:-1]:
            _, _, literal = line.partition(b"', `")
            # Inside a template literal: nothing ends it, nothing in it runs, no tag is in it, and it is JSON.
            assert b"<" not in literal
            assert not re.search(rb"(?<!\\)(\\\\)*(`|\$)", literal)
            json.loads(literal.replace(b"\\`", b"`").replace(b"\\$", b"$").replace(b"\\\\", b"\\"))


def test_no_name_leaves_the_folder_or_is_too_long(tmp_path):
    home = tmp_path / "a" / "b" / "c" / "home"
    results = home / "results"
    for text in HOSTILE:
        for path in kept(results, text):
            assert path.resolve().is_relative_to(results)
    page = board(results)
    # What is drawn does not matter here, and would take a second each.
    for path in page.plots:
        path.parent.mkdir(exist_ok=True)
        path.write_text("drawn")
    for path, text in page.targets.items():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    write_report(Store(results).records(BoardRecord), results, home / "report")
    made = [Path(folder, name) for folder, _, names in os.walk(tmp_path) for name in names]
    assert len(made) > 4 * len(HOSTILE)
    assert all(path.is_relative_to(results) or path.is_relative_to(home / "report") for path in made)
    assert all(len(os.fsencode(part)) <= 255 for path in made for part in path.parts)
    assert all(part.isprintable() and part.isascii() for path in made for part in path.relative_to(tmp_path).parts)


@pytest.mark.parametrize("text", [each for each in HOSTILE if not each.isprintable()], ids=ascii)
def test_on_a_terminal_it_moves_no_cursor_and_forges_no_line(tmp_path, capsys, text):
    results, table = tmp_path / "results", tmp_path / "table.csv"
    paths = kept(results, text)
    path = paths[0].rename(paths[0].with_name("\x1b[2J\u202e.json"))
    broken = path.with_name("\x1b]0;x\x07.json")
    lines = {}
    for name, command in {
        "show": ["show", str(path), "--results", str(results)],
        "failed": ["show", str(paths[1]), "--results", str(results)],
        "json": ["show", str(path), "--json", "--results", str(results)],
        "validate": ["validate", "--results", str(results)],
        "check": ["leaderboard", "--check", "--results", str(results), "--output", str(table)],
        "export": ["export", "--results", str(results)],
    }.items():
        main(command)
        lines[name] = check_printable(capsys)
    broken.write_text('{"\x1b[2J": 1')
    main(["leaderboard", "--results", str(results)])
    assert "error: " in check_printable(capsys)
    # A line break in a name makes no line of its own.
    harmless = tmp_path / "harmless"
    main(["show", str(kept(harmless, "name")[0]), "--results", str(harmless)])
    assert lines["show"].count("\n") == capsys.readouterr().out.count("\n")


def check_printable(capsys: pytest.CaptureFixture[str]) -> str:
    output = capsys.readouterr()
    said = output.out + output.err
    assert all(char.isprintable() or char == "\n" for char in said)
    return said


def test_in_csv_no_text_is_a_formula_and_other_formats_keep_it(tmp_path):
    formulas = ["=cmd|' /C calc'!A1", "+1+1", "-1+1", "@SUM(A1)", "  =1", "\t=1"]
    for text in formulas:
        kept(tmp_path / "results", text)
    table = pd.read_csv(io.BytesIO(export(tmp_path / "results", "csv")), dtype=str, keep_default_na=False)
    cells = {str(cell) for name in table for cell in [name, *table[name]]}
    figures = {cell for cell in cells if cell.lstrip("-").replace(".", "").isdigit()}
    assert not [cell for cell in cells - figures if cell.lstrip().startswith(tuple("=+-@"))]
    assert {"'=cmd|' /C calc'!A1", "'+1+1", "'  =1"} <= set(table["method"])
    assert set(pd.read_json(io.BytesIO(export(tmp_path / "results", "json")))["method"]) == set(formulas)
    assert set(pd.read_parquet(io.BytesIO(export(tmp_path / "results", "parquet")))["method"]) == set(formulas)


@pytest.mark.parametrize(
    "command",
    [
        "python -m bench run --methods kd; rm -r x",
        "python -m bench run --methods $(id)",
        "python -m bench run --methods kd | sh",
        "python -m bench run --methods kd\nid",
        "python -m bench run 'kd",
        "curl https://elsewhere.example",
    ],
)
def test_a_command_that_would_run_something_else_is_a_problem(tmp_path, command):
    path = Store(tmp_path).write(record(command=command))
    assert "provenance.command" in [each.field for each in validate([path], tmp_path).problems]
    path = Store(tmp_path).write(record(command=shlex.join(["python", "-m", "bench", "run", "--plugin", "a b;'$(x)"])))
    assert "provenance.command" not in [each.field for each in validate([path], tmp_path).problems]
