"""The data of a run with several tasks, read before anything is trained."""

from __future__ import annotations

from dataclasses import replace

import pytest

from bench.cli.check_data import check_data
from bench.errors import DataError


def test_what_a_user_can_mend_is_raised_and_what_a_plugin_does_is_said(job, ticket, tmp_path):
    said: list[str] = []
    of = [ticket("scratch", of=name) for name in ("mytoy", "mytoy", "raising", "exiting")]
    check_data(job, of, None, said.append)
    assert said == [
        "reading the data of 3 tasks",
        "reading the data of exiting ended its process (3): its cells will fail",
        "the data of raising cannot be read (KeyError: 'planted in load'): its cells will fail",
    ]
    with pytest.raises(DataError, match="no toys in"):
        check_data(replace(job, data_dir=tmp_path), of[1:3], None, said.append)


def test_data_that_never_come_are_waited_for_no_longer_than_asked(job, ticket):
    said: list[str] = []
    check_data(job, [ticket("scratch", of=name) for name in ("sleeping", "mytoy")], 2.0, said.append)
    # A machine that takes longer to start a process says the same of the other one.
    assert "the data of sleeping are not there after 2 seconds: its cells will fail" in said


def test_the_data_of_one_task_are_left_to_its_workers(job, ticket):
    check_data(job, [ticket("scratch", of="raising")], None, pytest.fail)
