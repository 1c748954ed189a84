"""`teachers`: the teachers in the cache: list, export, clear."""

from __future__ import annotations

import argparse
import json
import shutil
import sys
from pathlib import Path

from bench.errors import TeacherError, UsageError


def add_to(commands) -> None:
    parser = commands.add_parser("teachers", help="list, export or clear the trained teachers")
    actions = parser.add_subparsers(dest="action", metavar="ACTION", required=True)
    listing = actions.add_parser("list", help="the teachers in the cache")
    listing.add_argument("--json", action="store_true", help="for scripts")
    listing.set_defaults(run=list_teachers)
    export = actions.add_parser("export", help="copy a teacher's file; --teacher takes it")
    export.add_argument("name", help="a teacher's name as listed")
    export.add_argument("destination", type=Path, help="a folder or a file")
    export.set_defaults(run=export_teacher)
    clear = actions.add_parser("clear", help="remove teachers; they are trained again when needed")
    clear.add_argument("name", help="a teacher's name as listed, or all")
    clear.set_defaults(run=clear_teachers)


def list_teachers(given: argparse.Namespace) -> int:
    from bench.engine.teachers import read_header

    rows = []
    for path in files():
        try:
            teacher = read_header(path)
        except TeacherError as error:
            print(f"damaged, it is trained again when needed: {error}", file=sys.stderr)
            continue
        identity = teacher.identity
        rows.append(
            {
                "name": path.stem,
                "task": identity["task"]["name"],
                "network": identity["network"],
                "epochs": identity["recipe"]["epochs"],
                "test": teacher.metric["test"],
                "train_seconds": teacher.train_seconds,
                "sha256": teacher.sha256,
                "path": str(path),
            }
        )
    if given.json:
        print(json.dumps(rows, indent=1))
        return 0
    from tabulate import tabulate

    shown = [row | {"sha256": row["sha256"][:12]} for row in rows]
    print(tabulate(shown, headers="keys", tablefmt="plain", floatfmt=".1f") if rows else "no teachers in the cache")
    return 0


def export_teacher(given: argparse.Namespace) -> int:
    source = find(given.name)
    target = given.destination / source.name if given.destination.is_dir() else given.destination
    if target.exists():
        raise UsageError(f"{target} exists already: name another file")
    temporary = target.with_name(f".{target.name}.part")
    try:
        shutil.copyfile(source, temporary)
        temporary.replace(target)
    except OSError as error:
        raise TeacherError(f"{target} cannot be written: {error.strerror or error}") from error
    finally:
        temporary.unlink(missing_ok=True)
    print(f"wrote {target}")
    return 0


def clear_teachers(given: argparse.Namespace) -> int:
    for path in files() if given.name == "all" else [find(given.name)]:
        path.unlink()
        print(f"removed {path}")
    return 0


def files() -> list[Path]:
    """The teachers' files in the cache."""
    from bench.cache import cache_folder

    return sorted((cache_folder() / "teachers").glob("[!.]*.safetensors"))


def find(name: str) -> Path:
    """The file of a teacher by its name."""
    from bench.errors import unknown

    known = {path.stem: path for path in files()}
    if name not in known:
        raise unknown("teacher", name, known, "(`python -m bench teachers list`)")
    return known[name]
