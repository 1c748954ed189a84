"""The agreement task: generated data that are the same everywhere, splits without a common sentence."""

from __future__ import annotations

import torch

from tasks.agreement import Agreement

task = Agreement().on(Agreement.pairs[0])
DATA = task.load(None)


def sentences(examples) -> list[str]:
    tokenizer = task.backbone(task.pairs[0].teacher).tokenizer
    return [
        tokenizer.decode(row[1 : length - 1])
        for row, length in zip(examples.inputs["input_ids"], examples.lengths, strict=True)
    ]


def test_splits_have_their_sizes_and_share_no_sentence() -> None:
    train, test = sentences(DATA.train), sentences(DATA.test)
    assert (len(set(train)), len(set(test))) == (task.train_items, task.test_items)
    assert not set(train) & set(test)


def test_data_are_the_same_every_time() -> None:
    torch.manual_seed(5)
    again = Agreement().on(task.pairs[0]).load(None)
    assert torch.equal(again.train.inputs["input_ids"], DATA.train.inputs["input_ids"])
    assert torch.equal(again.test.labels, DATA.test.labels)
    # As they were when version 1 of the task was made.
    assert sentences(DATA.test)[0] == "the young surgeon that the authors blame sing"


def test_no_word_is_unknown_and_padding_is_at_the_end() -> None:
    tokenizer = task.backbone(task.pairs[0].teacher).tokenizer
    ids = DATA.train.inputs["input_ids"]
    assert not (ids == tokenizer.unk_token_id).any()
    real = torch.arange(ids.shape[1]) < DATA.train.lengths[:, None]
    assert torch.equal(ids != tokenizer.pad_token_id, real)
    assert (ids[:, 0] == tokenizer.cls_token_id).all()
