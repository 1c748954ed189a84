"""Hyperparameters from the command line: parsed, typed, combined."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from toy import FAIR

from bench.errors import UsageError
from bench.method import Method
from bench.parameters import parse_settings, variants

WORD = st.text("abz_09", min_size=1, max_size=5)
VALUE = st.text("ab-+.09=", min_size=1, max_size=5)


@dataclass(frozen=True)
class Knobs(Method):
    name = "knobs"
    flag: bool = False
    count: int = 3
    rate: float = 0.5
    whole: float = 1
    form: str = "code"
    layers: tuple[int, ...] = (1, 2)
    built: str = field(default_factory=lambda: "made")

    text_defaults = {"rate": 0.25, "count": 4}

    def __post_init__(self) -> None:
        if self.count < 0:
            raise ValueError("count must not be negative")


def made(settings: dict[str, list[str]], modality: str = "image", **pins: object) -> list[Knobs]:
    return variants(Knobs, modality, replace(FAIR, parameters={"knobs": pins, "other": {"rate": 9.0}}), settings)


def test_a_whole_number_for_a_float_gives_the_same_cell_whoever_writes_it() -> None:
    [plain], [pinned], [said] = made({}), made({}, whole=1), made({"whole": ["1"]})
    assert repr(plain.parameters()) == repr(pinned.parameters()) == repr(said.parameters())
    assert repr(plain.whole) == "1.0"


VALUES = st.lists(VALUE, min_size=1, max_size=3)
PARAMETERS = st.dictionaries(WORD, VALUES, min_size=1, max_size=2)


@settings(max_examples=40)
@given(st.dictionaries(WORD, PARAMETERS, max_size=3))
def test_settings_are_read_as_they_are_written(given: dict[str, dict[str, list[str]]]) -> None:
    texts = [
        f"{method}.{name}={','.join(values)}"
        for method, parameters in given.items()
        for name, values in parameters.items()
    ]
    assert parse_settings(texts) == given


@given(st.text())
def test_any_other_text_is_refused_and_never_crashes(text: str) -> None:
    left, equals, right = text.partition("=")
    if equals and all(left.partition(".")) and all(value.strip() for value in right.split(",")):
        assert len(parse_settings([text])) == 1
    else:
        with pytest.raises(UsageError, match=r"is not of the form METHOD\.PARAMETER=VALUE"):
            parse_settings([text])


@pytest.mark.parametrize("text", ["kd", "kd.alpha", "kd=1", ".alpha=1", "kd.=1", "kd.alpha=", "kd.alpha=1,,2", ""])
def test_settings_that_are_none_are_refused(text: str) -> None:
    with pytest.raises(UsageError, match="is not of the form METHOD"):
        parse_settings([text])


def test_a_parameter_is_set_once() -> None:
    with pytest.raises(UsageError, match=r"gives kd\.alpha twice: write one list"):
        parse_settings(["kd.alpha=1", "kd.alpha=2"])


@pytest.mark.parametrize(
    ("name", "text", "value"),
    [
        ("flag", "true", True),
        ("flag", "False", False),
        ("count", "7", 7),
        ("rate", "1", 1.0),
        ("rate", "1e-3", 0.001),
        ("whole", "0.25", 0.25),
        ("form", "3", "3"),
        ("built", "x", "x"),
    ],
)
def test_values_have_the_type_of_their_field(name: str, text: str, value: object) -> None:
    (method,) = made({name: [text]})
    assert getattr(method, name) == value
    assert type(getattr(method, name)) is type(value)


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("flag", "1", "'1' is not true or false"),
        ("count", "2.5", "'2.5' is not a value like 3"),
        ("rate", "high", "'high' is not a value like 0.5"),
        ("rate", "nan", "'nan' is not a value like 0.5"),
        ("rate", "inf", "'inf' is not a value like 0.5"),
        ("layers", "1", "cannot set knobs.layers: it is a tuple"),
        ("count", "-1", "knobs does not take count=-1: count must not be negative"),
        ("rat", "1", "unknown parameter of knobs 'rat': did you mean rate"),
        ("zzz", "1", "unknown parameter of knobs 'zzz': known: built, count, flag, form, layers, rate, whole"),
    ],
)
def test_a_wrong_value_is_named_with_what_was_expected(name: str, text: str, message: str) -> None:
    with pytest.raises(UsageError) as caught:
        made({name: [text]})
    assert message in str(caught.value)


def test_settings_go_over_pins_over_defaults() -> None:
    assert made({}) == [Knobs()]
    assert made({}, "text") == [Knobs(rate=0.25, count=4)]
    assert made({}, "text", count=5) == [Knobs(rate=0.25, count=5)]
    assert made({"count": ["6"]}, "text", count=5) == [Knobs(rate=0.25, count=6)]


@settings(max_examples=30)
@given(
    st.lists(st.integers(0, 50), min_size=1, max_size=4, unique=True),
    st.lists(st.floats(-9, 9), min_size=1, max_size=4, unique=True),
    st.lists(st.booleans(), min_size=1, unique=True),
)
def test_lists_make_every_combination_in_order(counts: list[int], rates: list[float], flags: list[bool]) -> None:
    chosen = {"count": counts, "rate": rates, "flag": flags}
    got = made({name: [str(value) for value in values] for name, values in chosen.items()})
    assert [(each.count, each.rate, each.flag) for each in got] == [
        (c, r, f) for c in counts for r in rates for f in flags
    ]


def test_equal_variants_are_one() -> None:
    assert [each.rate for each in made({"rate": ["2", "2.0", "3"]})] == [2.0, 3.0]


def test_a_parameter_without_a_default_is_named() -> None:
    @dataclass(frozen=True)
    class Bare(Method):
        name = "bare"
        weight: float

    with pytest.raises(UsageError, match=r"parameter bare\.weight has no default"):
        variants(Bare, "image", FAIR, {})
