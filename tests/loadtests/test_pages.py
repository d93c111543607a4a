"""What citizens see."""

from loadtests.pages import announcement_page, refusal_page, result_page, waiting_page


def test_pages_are_arabic_and_say_that_they_are_synthetic() -> None:
    """Right to left, in Arabic, and with the note that nothing in them is real."""
    for page in (announcement_page(), result_page("7"), waiting_page(12, 0, 90_000), refusal_page(3)):
        assert '<html lang="ar" dir="rtl">' in page
        assert "بيانات تجريبية غير حقيقية" in page


def test_the_place_and_the_wait_are_on_the_waiting_page() -> None:
    """The position, and the estimate in whole minutes, rounded up, never none."""
    page = waiting_page(12, 0, 90_000)

    assert '<p class="place">12</p>' in page
    assert "من 1 إلى 2" in page


def test_a_result_is_the_candidates_own() -> None:
    """The same candidate has the same marks, another one others, and a number is not markup."""
    assert result_page("7") == result_page("7")
    assert result_page("7") != result_page("8")
    assert "<b><i></b>" not in result_page("<i>")
