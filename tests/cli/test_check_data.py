"""The data of a run with several tasks, read before anything is trained."""

from __future__ import annotations

from pathlib import Path

import pytest
from misbehaving import MyToy, Raising, Sleeping

from bench.cli.check_data import check_data
from bench.errors import DataError


def test_what_a_user_can_mend_is_raised_and_what_a_plugin_does_is_said(tmp_path: Path) -> None:
    said: list[str] = []
    check_data([MyToy(), MyToy(), Raising(), Sleeping()], None, 0.5, said.append)
    assert said == [
        "reading the data of 3 tasks",
        "the data of raising cannot be read (KeyError: 'planted in load'): its cells will fail",
        "the data of sleeping are not there after 0.5 seconds: its cells will fail",
    ]
    with pytest.raises(DataError, match="no toys in"):
        check_data([MyToy(), Raising()], tmp_path, None, said.append)


def test_the_data_of_one_task_are_left_to_its_workers() -> None:
    check_data([Raising(), Raising()], None, None, pytest.fail)
