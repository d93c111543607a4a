"""Finds services by what people type: Arabic or English, unfinished or misspelt.

    query -> folded words -> words of the catalogue that are alike -> their services, best first

The words of all services make one vocabulary of a few thousand. It is this vocabulary that a query's
words are compared with, not each name, which is why a query takes a fraction of a millisecond.
"""

from collections import defaultdict
from collections.abc import Iterator, Mapping
from typing import NamedTuple

import msgspec

from sadd.catalogue.fold import fold, split, words
from sadd.catalogue.model import Agency, Catalogue, Service
from sadd.catalogue.vocabulary import Vocabulary

QUERY_LENGTH_MAX = 120
QUERY_WORDS_MAX = 8

SHORT = 2
"""Letters of a word that says nothing beside longer ones."""

# How much a word says about its service, by where it stands.
NAME, ID, AGENCY, CATEGORY = 8, 5, 3, 3
# A query that is a whole name, or the beginning of one, means that name: the score is multiplied.
WHOLE_NAME, BEGINNING, ITS_AGENCY = 3.0, 2.0, 3.0
HITS_LEAST_SHARE = 1 / 3
"""Of the best score: what scores less is noise."""


class Hit(NamedTuple):
    """A service and how well it fits. Hits in order are best first, equals by id."""

    rank: int
    """The score, negative: less is better. A whole number, so that a cursor can hold it exactly."""
    id: str


class _Row(msgspec.Struct, frozen=True, gc=False):
    """What is kept of a service beside its words. Names are folded."""

    id: str
    names: tuple[str, str]
    agency: tuple[str, ...]
    favour: float
    """Decides between equals: the much used come first."""


class Index:
    """The search index of one state. Filled by ``add``, closed by ``close``, then only read."""

    __slots__ = ("_agencies", "_postings", "_rows", "_vocabulary")

    def __init__(self) -> None:
        self._rows: list[_Row] = []  # by number of a service
        self._vocabulary = Vocabulary()
        self._postings: list[dict[int, int]] = []  # by number of a word: number of a service -> weight
        self._agencies: dict[str, tuple[str, ...]] = {}  # folded names, so that each is folded once

    def add(self, service: Service, agency: Agency | None) -> None:
        number = len(self._rows)
        row = _Row(
            id=service.id,
            names=(fold(service.name.ar), fold(service.name.en)),
            agency=self._agency(agency),
            favour=service.yearly_volume.bit_length() / 16,  # 2 points for a thousand million uses a year
        )
        self._rows.append(row)
        for word, weight in _weights(row, service).items():
            at = self._vocabulary.add(word)
            if at == len(self._postings):
                self._postings.append({})
            self._postings[at][number] = weight

    def _agency(self, agency: Agency | None) -> tuple[str, ...]:
        if agency is None:
            return ()
        if agency.id not in self._agencies:
            self._agencies[agency.id] = (fold(agency.name.ar), fold(agency.name.en))
        return self._agencies[agency.id]

    def close(self) -> None:
        """Everything is added."""
        self._vocabulary.close()

    def pieces(self) -> Iterator[object]:
        """What takes long to free if it is freed all at once."""
        yield from self._postings
        yield from self._rows
        yield from self._vocabulary.pieces()

    def search(self, query: str) -> list[Hit]:
        """The services that fit, best first. None for a query without words."""
        folded = fold(query[:QUERY_LENGTH_MAX])
        asked = _telling_words(split(folded))[:QUERY_WORDS_MAX]
        totals, matched = self._totals(asked)
        if not totals:
            return []
        for number, count in matched.items():
            totals[number] *= count / len(asked)  # all of the words, before one of them in a better place
        least = max(totals.values()) * HITS_LEAST_SHARE
        whole = [number for number, count in matched.items() if count == len(asked)]
        self._favour_names(totals, whole, folded)
        fit = ((self._rows[number], score) for number, score in totals.items() if score >= least)
        return sorted(Hit(-round((score + row.favour) * 16), row.id) for row, score in fit)

    def _totals(self, asked: list[str]) -> tuple[dict[int, float], dict[int, int]]:
        """By number of a service: its score over all words, and how many of the words it has."""
        totals: dict[int, float] = defaultdict(float)
        matched: dict[int, int] = defaultdict(int)
        for word in asked:
            for number, score in self._score(word).items():
                totals[number] += score
                matched[number] += 1
        return totals, matched

    def _score(self, word: str) -> Mapping[int, float]:
        """What one word of the query says for each service: its best match there."""
        alike = self._vocabulary.alike(word)
        telling = self._telling(alike)
        best: dict[int, float] = {}
        for at, likeness in alike:
            worth = likeness * telling
            for number, weight in self._postings[at].items():
                score = worth * weight
                if score > best.get(number, 0.0):
                    best[number] = score
        return best

    def _telling(self, alike: list[tuple[int, float]]) -> int:
        """How telling the word is: the fewer services have what it most likely means, the more.

        One measure for the typed word and not one for each that it may mean, or a rare word that it
        hardly resembles would beat the common one that was meant. In whole steps, so that one more
        service hardly ever moves the scores of others.
        """
        surest = max((likeness for _, likeness in alike), default=0.0)
        having = sum(len(self._postings[at]) for at, likeness in alike if likeness > 0.9 * surest)
        return 1 + (len(self._rows) // max(having, 1)).bit_length()

    def _favour_names(self, totals: dict[int, float], whole: list[int], query: str) -> None:
        """Of the services that have the whole query: is it a name, or how one begins?"""
        for number in whole:
            row = self._rows[number]
            if query in row.names:
                totals[number] *= WHOLE_NAME
            elif _begins(row.agency, query):
                totals[number] *= ITS_AGENCY
            elif _begins(row.names, query):
                totals[number] *= BEGINNING


def build(catalogue: Catalogue) -> Index:
    """The index of a whole catalogue, in one go."""
    index = Index()
    for service in catalogue.services.values():
        index.add(service, catalogue.agencies.get(service.agency))
    index.close()
    return index


def _weights(row: _Row, service: Service) -> dict[str, int]:
    """Each word of a service with the weight of the best place where it stands."""
    found = dict.fromkeys((word for name in row.agency for word in split(name)), AGENCY)
    found.update(dict.fromkeys(words(service.category), CATEGORY))
    found.update(dict.fromkeys(words(service.id), ID))
    found.update(dict.fromkeys((word for name in row.names for word in split(name)), NAME))
    return found


def _telling_words(asked: list[str]) -> list[str]:
    """Without "of", "في" and their like, unless nothing else was typed: hundreds of names have them."""
    return [word for word in asked if len(word) > SHORT or word.isdigit()] or asked


def _begins(names: tuple[str, ...], query: str) -> bool:
    return any(name.startswith(query) for name in names)
