"""How a reader wants the page: language, size, contrast, light. All of it is in the page's address.

There it survives without cookies and without JavaScript, says nothing of anybody, and a gate can set the
language.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal, TypeVar, get_args
from urllib.parse import urlencode

from sadd.web.room_page.speech import LANGS, Lang

T = TypeVar("T", bound=str)

Size = Literal["100", "125", "150", "200"]
Contrast = Literal["usual", "high"]
Theme = Literal["auto", "light", "dark"]

SIZES: tuple[Size, ...] = get_args(Size)
CONTRASTS: tuple[Contrast, ...] = get_args(Contrast)
THEMES: tuple[Theme, ...] = get_args(Theme)
REFRESH_S = 30
"""The one interval of a refresh that a reader without JavaScript may switch on."""


@dataclass(frozen=True, slots=True)
class Look:
    lang: Lang = "ar"
    size: Size = "100"
    contrast: Contrast = "usual"
    theme: Theme = "auto"
    """auto: as the device is set."""
    refresh: bool = False
    """Off until the reader switches it on (WCAG 2.2.1)."""
    qr: bool = False
    """Drawn when asked for: it takes 5 ms, ten times the rest of the page."""

    @property
    def other_lang(self) -> Lang:
        return "en" if self.lang == "ar" else "ar"

    def query(self, kept: Mapping[str, str], **changed: object) -> str:
        """The page's query with this look, or a changed one, behind what else must be ``kept``."""
        look = replace(self, **changed)  # type: ignore[arg-type]  # the template names fields and their values
        own: dict[str, str] = {"lang": look.lang}
        if look.size != "100":
            own["size"] = look.size
        if look.contrast != "usual":
            own["contrast"] = look.contrast
        if look.theme != "auto":
            own["theme"] = look.theme
        if look.refresh:
            own["auto"] = str(REFRESH_S)
        if look.qr:
            own["qr"] = "1"
        return urlencode({**kept, **own})


def look_of(query: Mapping[str, str], accept_language: str) -> Look:
    """What the address says, and else the device: ``Accept-Language``. Unknown values are none."""
    return Look(
        lang=_one_of(query.get("lang"), LANGS) or accepted(accept_language),
        size=_one_of(query.get("size"), SIZES) or "100",
        contrast=_one_of(query.get("contrast"), CONTRASTS) or "usual",
        theme=_one_of(query.get("theme"), THEMES) or "auto",
        refresh=query.get("auto") == str(REFRESH_S),
        qr=query.get("qr") == "1",
    )


def accepted(header: str) -> Lang:
    """English only for who prefers it to Arabic. Of two alike, and of any third language, it is Arabic."""
    best: dict[str, float] = {}
    for part in header.split(",")[:20]:
        tag, _, parameter = part.strip().lower().partition(";")
        lang = tag.split("-")[0]
        best[lang] = max(best.get(lang, 0.0), _quality(parameter))
    return "en" if best.get("en", 0.0) > best.get("ar", 0.0) else "ar"


def _quality(parameter: str) -> float:
    try:
        return float(parameter.strip().removeprefix("q=") or 1)
    except ValueError:
        return 0.0


def _one_of(value: str | None, known: Sequence[T]) -> T | None:
    return next((one for one in known if one == value), None)
