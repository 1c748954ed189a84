"""`python -m bench`: finds the command, runs it, turns errors into messages and exit codes."""

from __future__ import annotations

import argparse
import errno
import os
import sys
from collections.abc import Sequence

from bench import __version__
from bench.cli import (
    baseline,
    check,
    compare,
    export,
    leaderboard,
    listing,
    report,
    run,
    show,
    status,
    teachers,
    validate,
)
from bench.errors import BenchError
from bench.printable import printable_lines

COMMANDS = (run, status, listing, show, leaderboard, report, validate, compare, check, baseline, export, teachers)
INTERRUPTED = 130


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs one command. Exit codes: 0 done, 1 some cells failed or a regression, 2 usage, 130 interrupted."""
    parser = build_parser()
    given = parser.parse_args(arguments)
    try:
        code = given.run(given)
        sys.stdout.flush()
        return code
    except BrokenPipeError:
        # Whoever reads us, `head` for example, has enough.
        _leave_standard_output()
        return 1
    except BenchError as error:
        print(f"error: {printable_lines(str(error))}", file=sys.stderr)
        return error.exit_code
    except OSError as error:
        if error.errno != errno.ENOSPC:
            raise
        print(f"error: {error.filename or 'standard output'} cannot be written: {error.strerror}", file=sys.stderr)
        _leave_standard_output()
        return 1
    except KeyboardInterrupt:
        print("interrupted", file=sys.stderr)
        return INTERRUPTED


def _leave_standard_output() -> None:
    """What is left of it goes nowhere: Python would complain when it closes the stream."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def build_parser() -> argparse.ArgumentParser:
    """The parser with every command."""
    parser = argparse.ArgumentParser(
        prog="python -m bench",
        description="kdbench: trains every distillation method on every task under one protocol, "
        "measures what each costs and gains, and writes LEADERBOARD.md.",
        epilog="Exit codes: 0 done, 1 some cells failed, a regression or an error, 2 wrong usage, 130 interrupted.",
    )
    parser.add_argument("--version", action="version", version=f"kdbench {__version__}")
    commands = parser.add_subparsers(dest="command", metavar="COMMAND", required=True)
    for command in COMMANDS:
        command.add_to(commands)
    return parser
