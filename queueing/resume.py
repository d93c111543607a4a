"""The resume code: a place that can be read aloud, typed into another device, or kept on paper.

::

    number, base 32 | 60 bits of an HMAC over room, lane and number, 12 digits

in Crockford's digits (no I, L, O, U), in groups of six: 20 characters for any of the first billion numbers.
Nothing is stored for it. Who guesses one finds a given place once in 2^60 tries.
"""

DIGITS = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
NUMBER_DIGITS_MAX = 12
"""60 bits: what a ticket has place for."""
MARK_DIGITS = 12
MARK_BITS = 5 * MARK_DIGITS
GROUP_DIGITS = 6
TEXT_MAX = 40

_MEANT = {**{digit: value for value, digit in enumerate(DIGITS)}, "O": 0, "I": 1, "L": 1}


def write_code(number: int, mark: int) -> str:
    """The code of a number; ``mark`` is what proves it."""
    digits = _digits(number) + _digits(mark).rjust(MARK_DIGITS, "0")
    return "-".join(digits[at : at + GROUP_DIGITS] for at in range(0, len(digits), GROUP_DIGITS))


def read_code(text: str) -> tuple[int, int] | None:
    """Number and mark; None for what is no code.

    Case, spaces and dashes do not matter, nor O for 0, I or L for 1.
    """
    if len(text) > TEXT_MAX:
        return None
    digits = [_MEANT.get(letter) for letter in text.upper() if letter not in "- "]
    values = [value for value in digits if value is not None]
    if len(values) < len(digits) or not MARK_DIGITS < len(values) <= NUMBER_DIGITS_MAX + MARK_DIGITS:
        return None
    return _value(values[:-MARK_DIGITS]), _value(values[-MARK_DIGITS:])


def _digits(value: int) -> str:
    found = ""
    while value or not found:
        value, digit = divmod(value, 32)
        found = DIGITS[digit] + found
    return found


def _value(digits: list[int]) -> int:
    value = 0
    for digit in digits:
        value = value * 32 + digit
    return value
