"""The splits: stratified to the item, disjoint, and the same for every run."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from toy import FAIR, Toy

from bench.engine.splits import carve, stratified
from bench.errors import UsageError
from bench.task import Data, Examples

CPU = torch.device("cpu")


def numbered(count: int) -> Data:
    """Examples whose inputs are their positions: train from 0, test from 1000."""
    labels = torch.arange(count) % 4 // 2 + torch.arange(count) % 3
    return Data(Examples(torch.arange(count), labels), Examples(torch.arange(1000, 1010), torch.zeros(10).long()))


@given(st.lists(st.integers(0, 4), min_size=1, max_size=60), st.data())
def test_counts_follow_the_largest_remainders(classes: list[int], data: st.DataObject) -> None:
    labels = torch.tensor(classes)
    count = data.draw(st.integers(0, len(classes)))
    chosen = stratified(labels, torch.arange(len(classes)), count, "test")
    assert len(set(chosen.tolist())) == count
    assert chosen.tolist() == sorted(chosen.tolist())
    for label in set(classes):
        share = classes.count(label) * count / len(classes)
        assert abs(int((labels[chosen] == label).sum()) - share) < 1


def test_the_largest_remainder_gets_the_spare_item() -> None:
    labels = torch.tensor([0] * 7 + [1] * 2 + [2])
    chosen = stratified(labels, torch.arange(10), 4, "test")  # shares 2.8, 0.8, 0.4
    assert labels[chosen].bincount().tolist() == [3, 1]


def test_only_the_given_items_are_chosen() -> None:
    items = torch.tensor([1, 3, 5, 7, 9, 11])
    chosen = stratified(torch.arange(12) % 2, items, 4, "test")
    assert set(chosen.tolist()) <= set(items.tolist())


def test_purposes_choose_differently_and_each_always_the_same() -> None:
    labels, items = torch.zeros(50).long(), torch.arange(50)
    first, again, other = (stratified(labels, items, 20, purpose).tolist() for purpose in ("a", "a", "b"))
    assert first == again != other


def test_a_regression_is_split_at_random() -> None:
    chosen = stratified(torch.rand(30), torch.arange(30), 11, "test").tolist()
    assert len(set(chosen)) == 11
    assert chosen != list(range(11))


def test_more_items_than_there_are_is_an_error() -> None:
    with pytest.raises(UsageError, match="11 items wanted, but there are only 10"):
        stratified(torch.zeros(10).long(), torch.arange(10), 11, "test")


def test_fit_and_select_part_the_training_set() -> None:
    splits = carve(Toy(), FAIR, numbered(60), CPU)
    fit, select = set(splits.fit.inputs.tolist()), set(splits.select.inputs.tolist())
    assert len(select) == 12
    assert not fit & select
    assert fit | select == set(range(60))
    assert splits.test.inputs.tolist() == list(range(1000, 1010))
    assert splits.fit is splits.teacher_fit


def test_every_example_keeps_its_label() -> None:
    data = numbered(60)
    splits = carve(Toy(), replace(FAIR, fit_items=20), data, CPU)
    for split in (splits.fit, splits.teacher_fit, splits.select):
        assert torch.equal(split.labels, data.train.labels[split.inputs])


def test_splits_are_the_same_every_time_whatever_the_global_seed() -> None:
    first = carve(Toy(), FAIR, numbered(60), CPU)
    torch.manual_seed(99)
    again = carve(Toy(), FAIR, numbered(60), CPU)
    assert torch.equal(first.fit.inputs, again.fit.inputs)
    assert torch.equal(first.select.inputs, again.select.inputs)


def test_subsets_lie_inside_and_leave_the_others_alone() -> None:
    whole = carve(Toy(), FAIR, numbered(60), CPU)
    small = carve(Toy(), replace(FAIR, fit_items=10, select_items=5), numbered(60), CPU)
    assert len(small.fit) == 10
    assert len(small.select) == 5
    assert set(small.fit.inputs.tolist()) <= set(whole.fit.inputs.tolist())
    assert set(small.select.inputs.tolist()) <= set(whole.select.inputs.tolist())
    assert torch.equal(small.teacher_fit.inputs, whole.teacher_fit.inputs)


def test_without_select_everything_is_fit() -> None:
    splits = carve(Toy(), replace(FAIR, select=False), numbered(60), CPU)
    assert splits.select is None
    assert splits.fit.inputs.tolist() == list(range(60))


def test_a_limit_that_is_not_reached_changes_nothing() -> None:
    whole = carve(Toy(), FAIR, numbered(60), CPU)
    limited = carve(Toy(), replace(FAIR, fit_items=49, select_items=13), numbered(60), CPU)
    assert torch.equal(limited.fit.inputs, whole.fit.inputs)
    assert torch.equal(limited.select.inputs, whole.select.inputs)


def test_dicts_of_tensors_are_split_by_rows() -> None:
    inputs = {"tokens": torch.arange(60)[:, None].repeat(1, 3), "mask": torch.arange(60)}
    data = Data(Examples(inputs, torch.arange(60) % 3), Examples(inputs, torch.arange(60) % 3))
    fit = carve(Toy(), FAIR, data, CPU).fit
    assert fit.inputs["tokens"].shape == (48, 3)
    assert torch.equal(fit.inputs["tokens"][:, 0], fit.inputs["mask"])
