"""Finds services by what people type: Arabic or English, unfinished or misspelt.

    query -> folded words -> words of the catalogue that are alike -> their services, best first

The words of all services make one vocabulary of a few thousand. It is this vocabulary that a query's
words are compared with, not each name, which is why a query takes a fraction of a millisecond.
"""

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass

from sadd.catalogue.fold import fold, words
from sadd.catalogue.model import Agency, Catalogue, Service
from sadd.catalogue.vocabulary import Vocabulary

QUERY_LENGTH_MAX = 120
QUERY_WORDS_MAX = 8

# How much a word says about its service, by where it stands.
NAME, ID, AGENCY, CATEGORY = 8, 5, 3, 3
# A query that is a whole name, or the beginning of one, means that name: the score is multiplied.
WHOLE_NAME, BEGINNING, ITS_AGENCY = 3.0, 2.0, 3.0
HITS_LEAST_SHARE = 1 / 3
"""Of the best score: what scores less is noise."""


@dataclass(frozen=True, slots=True, order=True)
class Hit:
    """A service and how well it fits. Hits in order are best first, equals by id."""

    rank: int
    """The score, negative: less is better. A whole number, so that a cursor can hold it exactly."""
    id: str


class Index:
    """The search index of one state. Filled by ``add``, closed by ``close``, then only read."""

    __slots__ = ("_agencies", "_favour", "_ids", "_names", "_postings", "_vocabulary")

    def __init__(self) -> None:
        self._ids: list[str] = []
        self._names: list[tuple[str, str]] = []  # folded, by number of a service
        self._agencies: list[tuple[str, ...]] = []
        self._vocabulary = Vocabulary()
        self._postings: list[dict[int, int]] = []  # by word: number of a service -> weight
        self._favour: list[float] = []  # by number of a service: what decides between equals

    def add(self, service: Service, agency: Agency | None) -> None:
        number = len(self._ids)
        self._ids.append(service.id)
        self._names.append((fold(service.name.ar), fold(service.name.en)))
        self._agencies.append((fold(agency.name.ar), fold(agency.name.en)) if agency else ())
        # The much used before the rarely used: up to 2 points for a thousand million uses a year.
        self._favour.append(service.yearly_volume.bit_length() / 16)
        for word, weight in _weights(service, agency).items():
            at = self._vocabulary.add(word)
            if at == len(self._postings):
                self._postings.append({})
            self._postings[at][number] = weight

    def close(self) -> None:
        """Everything is added."""
        self._vocabulary.close()

    def search(self, query: str) -> list[Hit]:
        """The services that fit, best first. None for a query without words."""
        asked = words(query[:QUERY_LENGTH_MAX])[:QUERY_WORDS_MAX]
        totals, matched = self._totals(asked)
        if not totals:
            return []
        for number, count in matched.items():
            totals[number] *= count / len(asked)  # all of the words, before one of them in a better place
        least = max(totals.values()) * HITS_LEAST_SHARE
        self._favour_names(totals, fold(query[:QUERY_LENGTH_MAX]))
        fit = ((number, score) for number, score in totals.items() if score >= least)
        return sorted(Hit(-round((score + self._favour[n]) * 16), self._ids[n]) for n, score in fit)

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
        return 1 + (len(self._ids) // max(having, 1)).bit_length()

    def _favour_names(self, totals: dict[int, float], query: str) -> None:
        for number in totals:
            names = self._names[number]
            if query in names:
                totals[number] *= WHOLE_NAME
            elif any(name.startswith(query) for name in self._agencies[number]):
                totals[number] *= ITS_AGENCY
            elif names[0].startswith(query) or names[1].startswith(query):
                totals[number] *= BEGINNING


def build(catalogue: Catalogue) -> Index:
    """The index of a whole catalogue, in one go."""
    index = Index()
    for service in catalogue.services.values():
        index.add(service, catalogue.agencies.get(service.agency))
    index.close()
    return index


def _weights(service: Service, agency: Agency | None) -> dict[str, int]:
    """Each word of a service with the weight of the best place where it stands."""
    texts = [(CATEGORY, service.category), (ID, service.id), (NAME, service.name.ar), (NAME, service.name.en)]
    if agency:
        texts += [(AGENCY, agency.name.ar), (AGENCY, agency.name.en)]
    found: dict[str, int] = {}
    for weight, text in texts:
        for word in words(text):
            found[word] = max(weight, found.get(word, 0))
    return found
