"""What kind of visitor asks, by what it says of itself: it decides the form of a refusal, never whether."""

import re
from typing import Literal

from sadd.gate.original import Headers

Kind = Literal["page", "app", "crawler"]

_CRAWLER = re.compile(
    r"(?<!cu)bot\b|crawl|spider|slurp|bingpreview|mediapartners|facebookexternalhit|embedly|archiver", re.I
)
"""How those that index the web call themselves; Cubot makes telephones. Who lies gets a refusal in another
form."""
AGENT_CHARACTERS_MAX = 512


def kind_of(headers: Headers) -> Kind:
    """A page is what a browser shows in a tab of its own; what it fetches for one is an app's."""
    agent = (headers.get("User-Agent") or "")[:AGENT_CHARACTERS_MAX]
    if _CRAWLER.search(agent):
        return "crawler"
    mode = headers.get("Sec-Fetch-Mode")
    if mode:
        return "page" if mode == "navigate" else "app"
    return "page" if "text/html" in (headers.get("Accept") or "") else "app"
