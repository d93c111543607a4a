"""What a reader takes for the same word is the same string."""

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sadd.catalogue.fold import fold, words

ARABIC = st.text(st.characters(min_codepoint=0x0600, max_codepoint=0x06FF))
ANY = st.one_of(st.text(), ARABIC)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("أحمد", "احمد"),
        ("إقامة", "اقامه"),
        ("آثار", "اثار"),
        ("ٱلبلدية", "البلدية"),
        ("مدرسة", "مدرسه"),
        ("مستشفى", "مستشفي"),
        ("شؤون", "شوون"),
        ("هيئة", "هيية"),
        ("قراءة", "قراة"),
        ("رخصــــة", "رخصة"),
        ("رُخْصَةٌ", "رخصة"),
        ("٢٠٢٦", "2026"),
        ("۲۰۲۶", "2026"),
        ("ﻻ", "لا"),
        ("کتاب", "كتاب"),
        ("جواز\u200c السفر", "جواز السفر"),
        ("Café", "CAFE"),
        ("straße", "STRASSE"),
        ("e-Visa", "E  visa"),
    ],
)
def test_two_ways_of_writing_are_one(one: str, other: str) -> None:
    """Alef, ya, taa marbuta, hamza, tatweel, diacritics, digits, joiners, accents, and case do not matter."""
    assert fold(one) == fold(other)


@pytest.mark.parametrize("word", ["الجواز", "والجواز", "بالجواز", "للجواز", "جواز"])
def test_the_article_is_not_part_of_the_word(word: str) -> None:
    """Whoever types a word with or without its article means the same word."""
    assert words(word) == ["جواز"]


def test_a_short_word_keeps_what_looks_like_an_article() -> None:
    """Two letters would be left of it, which are no word."""
    assert words("الله") == ["الله"]


@given(ANY)
def test_folding_twice_is_folding_once(text: str) -> None:
    """What is folded stays as it is."""
    assert fold(fold(text)) == fold(text)


@given(ANY)
def test_composed_or_not_is_the_same(text: str) -> None:
    """The four normal forms of Unicode fold alike where they mean the same."""
    assert fold(unicodedata.normalize("NFC", text)) == fold(unicodedata.normalize("NFD", text))


@given(ANY, st.text("\u064b\u064e\u064f\u0650\u0651\u0652\u0640", min_size=1, max_size=3))
def test_marks_at_the_end_change_nothing(text: str, marks: str) -> None:
    """Vowel signs and stretching can be added to any word."""
    assert fold(text + "م" + marks) == fold(text + "م")


@given(ANY)
def test_only_words_are_left(text: str) -> None:
    """Letters and digits with one space between words."""
    folded = fold(text)
    assert folded == " ".join(folded.split())
    assert all(char == " " or char.isalnum() or unicodedata.category(char)[0] in "MN" for char in folded)


@given(ANY)
def test_words_are_never_empty(text: str) -> None:
    """The article is not stripped down to nothing."""
    assert all(words(text))
