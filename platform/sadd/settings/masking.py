"""Secrets inside settings, hidden before anything is printed or logged."""

import re

MASK = "***"

_PASSWORD_WORD = re.compile(
    r"""(?P<name>[\w-]*(?:pass(?:word)?|secret|token))(?P<is>\s*=\s*)[^&\s]+""", re.IGNORECASE
)


def masked(url: str) -> str:
    """The URL with its passwords replaced, those in the query and in ``password=…`` words too.

    The user part ends at the *last* ``@``: a password with an unescaped ``@``, ``/`` or ``?`` is a
    mistake, but the error that reports it must not print half of it.
    """
    before, at, host = url.rpartition("@")
    if at:
        scheme, separator, user = before.partition("://") if "://" in before else ("", "", before)
        name, colon, _ = user.partition(":")
        # Without a scheme and a colon nothing says whether this is a user or a password.
        name = name if colon or separator else MASK
        url = f"{scheme}{separator}{name}{colon}{MASK if colon else ''}@{host}"
    return _PASSWORD_WORD.sub(rf"\g<name>\g<is>{MASK}", url)
