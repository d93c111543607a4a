"""Folds text so that what a reader takes for the same word is the same string.

أحمد، إحمد، احمد -> احمد      مدرسة -> مدرسه      مستشفى -> مستشفي      شؤون -> شوون
رخصــة، رُخصة -> رخصه         ٢٠٢٦، ۲۰۲۶ -> 2026   Café -> cafe          ﻻ -> لا
"""

import re
import unicodedata

_MARKS = (
    *range(0x0300, 0x0370),  # Latin accents, which NFKD splits off
    *range(0x0610, 0x061B),  # signs of honour
    *range(0x064B, 0x0660),  # fathatan to the small alef, hamza above and below
    0x0640,  # tatweel, which stretches a word for looks
    0x0670,  # the dagger alef
    *range(0x06D6, 0x06DD),
    *range(0x06DF, 0x06E9),  # Quranic marks
    *range(0x06EA, 0x06EE),
    *range(0x08D3, 0x0900),
    0x00AD,  # soft hyphen
    0x061C,
    *range(0x200B, 0x2010),  # zero-width space and joiners, direction marks
    *range(0x202A, 0x202F),
    *range(0x2060, 0x2070),
    0xFEFF,
)
# NFKD has already made alef of أ إ آ, waw of ؤ and ya of ئ, each with a mark that goes away.
_LETTERS = {
    "ٱ": "ا",
    "ى": "ي",
    "ی": "ي",  # Persian ya
    "ة": "ه",
    "ۀ": "ه",
    "ہ": "ه",
    "ھ": "ه",
    "ک": "ك",  # Persian kaf
    "گ": "ك",
    "ء": "",  # the seatless hamza: قراءة is often typed قراة
}
_DIGITS = {ord(d): str(i) for digits in ("٠١٢٣٤٥٦٧٨٩", "۰۱۲۳۴۵۶۷۸۹") for i, d in enumerate(digits)}
_TABLE: dict[int, str | None] = {
    **dict.fromkeys(_MARKS),
    **{ord(k): v for k, v in _LETTERS.items()},
    **_DIGITS,
}

_WORD = re.compile(r"[^\W_]+")
# The article, also behind "and", "with", "like", "then": a search for جواز must find الجواز and بالجواز.
_ARTICLE = re.compile(r"(?:[وفبك]?ال|ول?ل|لل)(?=.{3})")


def fold(text: str) -> str:
    """The folded text, with one space between words and none around. Folding twice changes nothing."""
    if text.isascii():
        return " ".join(_WORD.findall(text.lower()))
    # Folded by case first: some letters (İ, ŉ) turn into letter and mark only then.
    split = unicodedata.normalize("NFKD", unicodedata.normalize("NFKD", text).casefold())
    return " ".join(_WORD.findall(unicodedata.normalize("NFKC", split.translate(_TABLE))))


def words(text: str) -> list[str]:
    """The folded words, without the Arabic article where at least three letters remain."""
    return split(fold(text))


def split(folded: str) -> list[str]:
    """The words of a text that is folded already."""
    return [_ARTICLE.sub("", word, count=1) if word[0] > "\u0600" else word for word in folded.split()]
