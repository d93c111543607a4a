"""The slips of people who type, made by chance, and how many of them the catalogue's search forgives."""

import random
from collections.abc import Iterator
from dataclasses import dataclass

from sadd.catalogue.fold import words
from sadd.catalogue.model import Catalogue
from sadd.catalogue.search import Index

LETTERS = {"ar": "ابتثجحخدذرزسشصضطظعغفقكلمنهوي", "en": "abcdefghijklmnopqrstuvwxyz"}
KINDS = ("drop", "double", "swap", "replace", "insert")
WORD_LENGTH_MIN = 3
HITS_SEEN = 5


@dataclass(frozen=True, slots=True)
class Slip:
    """A service's name with one slip in one of its words."""

    service: str
    name: str
    word: str
    meant: str


def slipped(word: str, letters: str, chance: random.Random) -> str:
    """The word with one letter dropped, doubled, swapped with the next, replaced, or added."""
    at = chance.randrange(len(word))
    before, here, after = word[:at], word[at], word[at + 1 :]
    kind = chance.choice(KINDS)
    if kind == "swap" and after:
        return before + after[0] + here + after[1:]
    return {
        "drop": before + after,
        "double": before + here + here + after,
        "replace": before + chance.choice(letters) + after,
        "insert": before + chance.choice(letters) + here + after,
        "swap": before + after + here,
    }[kind]


def slips(catalogue: Catalogue, language: str, chance: random.Random) -> Iterator[Slip]:
    """One for each service whose name has a word that is long enough to be recognised."""
    for service in catalogue.services.values():
        name = getattr(service.name, language).split()
        long_enough = [at for at, word in enumerate(name) if len(word) >= WORD_LENGTH_MIN]
        if long_enough:
            at = chance.choice(long_enough)
            meant = name[at]
            name[at] = slipped(meant, LETTERS[language], chance)
            yield Slip(service.id, " ".join(name), name[at], meant)


def name_rate(index: Index, made: list[Slip]) -> float:
    """The share of slipped names whose service is among the first five."""
    found = (slip.service in [hit.id for hit in index.search(slip.name)[:HITS_SEEN]] for slip in made)
    return sum(found) / len(made)


def word_rate(catalogue: Catalogue, index: Index, made: list[Slip]) -> float:
    """The share of slipped words, asked alone, for which one of the first five services has the word meant.

    Harder than it sounds: many slips make another word ("fan" for "fax"), and then that one is found.
    """
    return sum(_has_word(catalogue, index, slip) for slip in made) / len(made)


def _has_word(catalogue: Catalogue, index: Index, slip: Slip) -> bool:
    meant = set(words(slip.meant))
    for hit in index.search(slip.word)[:HITS_SEEN]:
        service = catalogue.services[hit.id]
        agency = catalogue.agencies[service.agency]
        texts = (service.name.ar, service.name.en, service.id, agency.name.ar, agency.name.en)
        if meant & {word for text in texts for word in words(text)}:
            return True
    return False
