"""All words of the catalogue, and which of them a typed word may mean.

By trigrams a wrong letter costs three of them and leaves the rest: enough for long words. In a short
word little is left, so single slips are looked up exactly: two words that are one letter apart have
a form in common once a letter is taken out of each (or of one). Both are dictionary look-ups.

    visa -> isa vsa via vis        vsia -> sia via vsa vsi        common: via, vsa
"""

from bisect import bisect_left
from collections import Counter, defaultdict
from collections.abc import Iterator

EXACT, PREFIX, ONE_LETTER = 1.0, 0.9, 0.8
"""How sure a match is: a finished word, its beginning, a single slip."""
KNOWN_WORD = 0.5
"""Taken off the likeness of other words when the typed word itself is one of the catalogue's."""
ALIKE_MIN = 0.4
"""Least share of common trigrams (Dice) for two words to be alike."""
ALIKE_MAX = 12
PREFIXES_MAX = 40
PREFIX_LENGTH_MIN = 2
SLIP_LENGTH_MIN = 3
"""In words of two letters every other word would be a slip."""


class Vocabulary:
    """Words with their numbers, in the order of ``add``. Close it before asking."""

    __slots__ = ("_grams", "_numbers", "_sizes", "_slips", "_sorted")

    def __init__(self) -> None:
        self._numbers: dict[str, int] = {}
        self._sorted: list[str] = []
        self._grams: dict[str, list[int]] = defaultdict(list)
        # By first letter, then by form, so that no dictionary is so large that freeing it takes long. In
        # tuples, which the garbage collector lets alone once it has seen that they hold numbers only: thirty
        # thousand lists would cost each of its runs milliseconds, for as long as the worker lives.
        self._slips: dict[str, dict[str, tuple[int, ...]]] = defaultdict(dict)
        self._sizes: list[int] = []  # trigrams of each word

    def add(self, word: str) -> int:
        """The word's number, a new one if it was not there."""
        number = self._numbers.setdefault(word, len(self._numbers))
        if number == len(self._sorted):
            self._sorted.append(word)
            grams = _trigrams(word)
            self._sizes.append(len(grams))
            for gram in grams:
                self._grams[gram].append(number)
            for form in _forms(word):
                by_form = self._slips[form[:1]]
                by_form[form] = (*by_form.get(form, ()), number)
        return number

    def close(self) -> None:
        self._sorted.sort()

    def pieces(self) -> Iterator[object]:
        """What takes long to free if it is freed all at once."""
        yield from self._slips.values()
        yield from self._grams.values()

    def alike(self, word: str) -> list[tuple[int, float]]:
        """Numbers of the words that ``word`` may mean, each with how sure that is, above 0 to 1."""
        exact = self._numbers.get(word)
        # A word that exists is seldom a slip for another.
        sureness = ONE_LETTER if exact is None else ONE_LETTER * KNOWN_WORD
        found = {number: dice * sureness for number, dice in self._by_trigrams(word)}
        found.update(dict.fromkeys(self._slipped(word), sureness))
        found.update(self._beginning_with(word))
        if exact is not None:
            found[exact] = EXACT
        return list(found.items())

    def _by_trigrams(self, word: str) -> Iterator[tuple[int, float]]:
        mine = _trigrams(word)
        shared: Counter[int] = Counter()
        for gram in mine:
            shared.update(self._grams.get(gram, ()))
        for number, count in shared.most_common(ALIKE_MAX):
            dice = 2 * count / (len(mine) + self._sizes[number])
            if dice >= ALIKE_MIN:
                yield number, dice

    def _slipped(self, word: str) -> set[int]:
        if len(word) < SLIP_LENGTH_MIN:
            return set()
        nothing: dict[str, tuple[int, ...]] = {}
        by_letter = self._slips.get
        return {n for form in _forms(word) for n in by_letter(form[:1], nothing).get(form, ())}

    def _beginning_with(self, word: str) -> Iterator[tuple[int, float]]:
        """Words that begin so; the more of the word was typed, the surer."""
        if len(word) < PREFIX_LENGTH_MIN:
            return
        start = bisect_left(self._sorted, word)
        for known in self._sorted[start : start + PREFIXES_MAX]:
            if not known.startswith(word):
                return
            yield self._numbers[known], PREFIX * (0.7 + 0.3 * len(word) / len(known))


def _trigrams(word: str) -> set[str]:
    # One space before, not two: the words that only begin alike are too many to count for each query.
    padded = f" {word} "
    return {padded[i : i + 3] for i in range(len(word))}


def _forms(word: str) -> set[str]:
    """The word, and the word less each of its letters."""
    return {word, *(word[:i] + word[i + 1 :] for i in range(len(word)))}
