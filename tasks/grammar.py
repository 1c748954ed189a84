"""A small grammar of English in which every verb agrees with its own subject, however far away that stands.

The constructions are those of the literature on agreement in language models: attractors in prepositional phrases
(Linzen, Dupoux & Goldberg, TACL 2016), relative clauses on subjects and objects, with and without a complementizer,
sentential complements and coordinated verb phrases (Marvin & Linzen, EMNLP 2018).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from random import Random

PEOPLE = (
    ("author", "authors"),
    ("banker", "bankers"),
    ("chef", "chefs"),
    ("customer", "customers"),
    ("dancer", "dancers"),
    ("farmer", "farmers"),
    ("guard", "guards"),
    ("judge", "judges"),
    ("manager", "managers"),
    ("minister", "ministers"),
    ("nurse", "nurses"),
    ("pilot", "pilots"),
    ("senator", "senators"),
    ("singer", "singers"),
    ("skater", "skaters"),
    ("student", "students"),
    ("surgeon", "surgeons"),
    ("teacher", "teachers"),
)
INTRANSITIVE = (
    ("complains", "complain"),
    ("hesitates", "hesitate"),
    ("laughs", "laugh"),
    ("listens", "listen"),
    ("practises", "practise"),
    ("shouts", "shout"),
    ("sings", "sing"),
    ("sleeps", "sleep"),
    ("smiles", "smile"),
    ("swims", "swim"),
    ("travels", "travel"),
    ("waits", "wait"),
)
TRANSITIVE = (
    ("admires", "admire"),
    ("avoids", "avoid"),
    ("blames", "blame"),
    ("follows", "follow"),
    ("hates", "hate"),
    ("helps", "help"),
    ("knows", "know"),
    ("likes", "like"),
    ("loves", "love"),
    ("teaches", "teach"),
)
CLAUSAL = (("believes", "believe"), ("hopes", "hope"), ("says", "say"), ("thinks", "think"))
PREPOSITIONS = (("behind",), ("beside",), ("near",), ("opposite",), ("with",))
ADJECTIVES = (("clever",), ("famous",), ("old",), ("quiet",), ("rich",), ("short",), ("tall",), ("young",))
ADVERBS = (("often",), ("rarely",), ("still",), ("sometimes",))
PLAIN = ("the", "that", "and")
PLURAL = 1 / 3
"""The share of plural nouns. As in English it is the smaller one, so that a verb alone says a little about its
sentence: where both are equally frequent, no single word says anything, and small networks do not start to learn."""
CONSTRUCTIONS = ("nothing", "phrase", "phrases", "subject clause", "object clause", "bare object clause")
"""What may stand between a subject and its verb."""

LEXICON = tuple(
    sorted(
        {*PLAIN}
        | {
            form
            for words in (PEOPLE, INTRANSITIVE, TRANSITIVE, CLAUSAL, PREPOSITIONS, ADJECTIVES, ADVERBS)
            for forms in words
            for form in forms
        }
    )
)
"""Every word, in alphabetical order."""


@dataclass(frozen=True)
class Verb:
    """A verb in its sentence: both forms, and the number of its subject."""

    forms: tuple[str, str]
    number: int


Sentence = tuple["str | Verb", ...]


def sentences(seed: int) -> Iterator[tuple[str, bool]]:
    """Endless different sentences, each with whether it is acceptable; half are not, by one verb's number.

    No sentence comes twice, and none comes beside its twin with another verb's number.
    """
    maker = Maker(seed)
    seen: set[str] = set()
    while True:
        sentence = maker.sentence()
        right = spelled(sentence, None)
        if right in seen:
            continue
        seen.add(right)
        verbs = [place for place, word in enumerate(sentence) if isinstance(word, Verb)]
        wrong = maker.one_of(verbs) if maker.chance(0.5) else None
        yield spelled(sentence, wrong), wrong is None


def spelled(sentence: Sentence, wrong: int | None) -> str:
    """The words, the verb at the place `wrong` in the number that its subject does not have."""
    words = []
    for place, word in enumerate(sentence):
        if isinstance(word, Verb):
            words.append(word.forms[1 - word.number if place == wrong else word.number])
        else:
            words.append(word)
    return " ".join(words)


class Maker:
    """Makes sentences from a seed."""

    def __init__(self, seed: int) -> None:
        self._random = Random(seed)

    def chance(self, share: float) -> bool:
        # `random()` alone is promised to give the same numbers in every version of Python.
        return self._random.random() < share

    def one_of(self, options):
        return options[int(self._random.random() * len(options))]

    def sentence(self) -> Sentence:
        subject, number = self.subject()
        if self.chance(0.2):
            inner, inner_number = self.subject()
            # No second verb in here: one of the wrong number could be read as the outer subject's.
            return (*subject, Verb(self.one_of(CLAUSAL), number), "that", *inner, *self.predicate(inner_number))
        second = ("and", Verb(self.one_of(INTRANSITIVE), number)) if self.chance(0.15) else ()
        return (*subject, *self.predicate(number), *second)

    def subject(self) -> tuple[Sentence, int]:
        """A noun phrase with what may stand between it and its verb."""
        head, number = self.noun()
        construction = self.one_of(CONSTRUCTIONS)
        if construction == "nothing":
            return head, number
        other, other_number = self.noun()
        if construction == "phrase":
            return (*head, *self.one_of(PREPOSITIONS), *other), number
        if construction == "phrases":
            third, _ = self.noun()
            return (*head, *self.one_of(PREPOSITIONS), *other, *self.one_of(PREPOSITIONS), *third), number
        if construction == "subject clause":
            return (*head, "that", Verb(self.one_of(TRANSITIVE), number), *other), number
        clause = (*other, Verb(self.one_of(TRANSITIVE), other_number))
        return (*head, *(("that",) if construction == "object clause" else ()), *clause), number

    def noun(self) -> tuple[Sentence, int]:
        """`the`, perhaps an adjective, and a noun; its number is 0 (singular) or 1 (plural)."""
        number = int(self.chance(PLURAL))
        adjective = self.one_of(ADJECTIVES) if self.chance(0.25) else ()
        return ("the", *adjective, self.one_of(PEOPLE)[number]), number

    def predicate(self, number: int) -> Sentence:
        """A verb, perhaps with an adverb or an object."""
        adverb = self.one_of(ADVERBS) if self.chance(0.2) else ()
        if self.chance(0.25):
            other, _ = self.noun()
            return (*adverb, Verb(self.one_of(TRANSITIVE), number), *other)
        return (*adverb, Verb(self.one_of(INTRANSITIVE), number))
