"""The slips of people who type, made by chance, and how many of them search forgives."""

import random

from sadd.catalogue.model import Catalogue
from sadd.catalogue.search import Index

LETTERS = {"ar": "ابتثجحخدذرزسشصضطظعغفقكلمنهوي", "en": "abcdefghijklmnopqrstuvwxyz"}
KINDS = ("drop", "double", "swap", "replace", "insert")
WORD_LENGTH_MIN = 3


def slipped(word: str, letters: str, chance: random.Random) -> str:
    """The word with one slip in it."""
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


def queries(catalogue: Catalogue, language: str, chance: random.Random) -> list[tuple[str, str]]:
    """For each service its name with one slip in one word, beside its id."""
    found = []
    for service in catalogue.services.values():
        name = getattr(service.name, language).split()
        long_enough = [at for at, word in enumerate(name) if len(word) >= WORD_LENGTH_MIN]
        if long_enough:
            at = chance.choice(long_enough)
            name[at] = slipped(name[at], LETTERS[language], chance)
            found.append((" ".join(name), service.id))
    return found


def hit_rate(catalogue: Catalogue, index: Index, language: str, chance: random.Random) -> float:
    """The share of slipped names whose service is among the first five."""
    asked = queries(catalogue, language, chance)
    hits = sum(id_ in [hit.id for hit in index.search(query)[:5]] for query, id_ in asked)
    return hits / len(asked)
