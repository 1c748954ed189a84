"""The target τ by hand: which runs set it, why there may be none, and what its configuration is."""

import pytest
from records import failure, protocol, record
from small_boards import NEVER, PKD, analysis, pkd

from bench.board.target import Target, target_of

SIX = {**PKD, 5: (50.0, 58.0, 61.0, 63.0)}  # the last m is 60.67


def target(*made):
    return analysis(*made).target


def test_by_hand():
    found = target(*pkd())
    assert found.value == pytest.approx(63.0 - 0.3)
    assert found.by_seed == pytest.approx({0: 63.0, 1: 64.0, 2: 62.0, 3: 63.5, 4: 61.0})
    assert found.best_by_seed == {0: 66.0, 1: 67.0, 2: 65.0, 3: 66.5, 4: 64.0}
    assert found.best == 66.0


def test_of_an_even_number_the_lower_median():
    found = target(*(record("pkd", seed, select=select) for seed, select in SIX.items()))
    assert found.value == pytest.approx(62.0 - 0.3)
    assert found.best == 65.0


def test_of_kd_by_the_same_rule():
    """The board also shows times to match the control that has a teacher."""
    runs = [record("kd", seed, select=select) for seed, select in PKD.items()]
    name, found = analysis(*runs, record("scratch", select=NEVER)).control_target
    assert name == "kd"
    assert found.value == pytest.approx(62.7)
    assert analysis(*runs[:3]).control_target == ("kd", "3 of 5 kd seeds")
    assert analysis(record("scratch")).control_target is None


def test_follows_the_protocol_not_the_name():
    rules = protocol(target="sp", target_seeds=2, target_margin=1.0, window=1)
    made = [record("sp", seed, select=PKD[seed], rules=rules) for seed in (0, 1)]
    found = target(*made, *pkd(rules=rules))
    assert found.row.method == "sp"
    assert found.value == 65.0


def test_does_not_depend_on_the_hardware():
    slow = pkd(seconds=99.0, machine="m2")
    assert target(*pkd()).content == target(*slow).content
    # A seed on two machines counts from the one whose name is first, whichever has more runs.
    there = record("pkd", 0, select=(99.0,) * 4, machine="a-machine")
    assert target(*pkd(), there).by_seed[0] == 99.0
    assert target(*pkd(), record("pkd", 0, select=(99.0,) * 4, machine="zz")).by_seed[0] == 63.0


@pytest.mark.parametrize(
    ("made", "reason"),
    [
        ([record("kd")], "0 of 5 pkd seeds"),
        (pkd(range(3)), "3 of 5 pkd seeds"),
        ([*pkd(range(4)), failure("pkd", 4)], "4 of 5 pkd seeds"),
        ([*pkd(range(4)), record("pkd", 4, select=(60.0, 61.0))], "4 of 5 pkd seeds with 3 evaluations"),
        (pkd(rules=protocol(select=False)), "the protocol has no select split"),
    ],
)
def test_none_says_why(made, reason):
    assert target(*made) == reason


def test_configuration_hash_is_that_of_the_configuration():
    def configuration(**options):
        found = target(*pkd(**options))
        assert isinstance(found, Target)
        return found.configuration

    assert configuration() == configuration(machine="m2", seconds=3.0)
    others = [
        {"task_version": 2},
        {"precision": "bfloat16"},
        {"compiled": True},
        {"parameters": {"beta": 1.0}},
        {"version": 2},
        {"teacher": "d" * 64},
        {"rules": protocol(window=2)},
        {"pretrained": "e" * 64},
        {"budget": 0.5},
    ]
    assert len({configuration(), *(configuration(**other) for other in others)}) == 1 + len(others)


def test_a_target_of_a_group_without_the_method():
    assert target_of(analysis(record("kd")).group, "kd") == "1 of 5 kd seeds"
    assert target_of(analysis(failure("kd")).group, "kd") == "0 of 5 kd seeds"
