"""The page that visitors of a connector's site see here besides the waiting room: why they were sent back.

In both languages at once, since it must be right before anything is known of its reader.
"""

import base64
import html
from dataclasses import dataclass
from hashlib import sha256

from aiohttp import web

_STYLE = """
body{font:1.125rem/1.6 system-ui,sans-serif;max-width:36rem;margin:2rem auto;padding:0 1rem;
color:#0b0c0c;background:#fff}
section{margin-block:2rem}
a,button{font:inherit;display:inline-block;padding:.6rem 1.2rem;border-radius:.3rem;border:2px solid;
background:#0b5c3b;color:#fff;text-decoration:none;cursor:pointer}
a:focus,button:focus{outline:3px solid #ffbf47}
@media(prefers-color-scheme:dark){body{background:#121417;color:#f1f3f4}}
"""
_DIGEST = base64.b64encode(sha256(_STYLE.encode()).digest()).decode()
_POLICY = (
    f"default-src 'none'; style-src 'sha256-{_DIGEST}'; form-action 'self'; "
    "base-uri 'none'; frame-ancestors 'none'"
)


@dataclass(frozen=True, slots=True)
class Words:
    title: str
    text: str


@dataclass(frozen=True, slots=True)
class Said:
    """What there is to say, in both languages."""

    ar: Words
    en: Words


LATE = Said(
    Words(
        "انتهت صلاحية الرابط",
        "وصل الرابط الذي يُدخلك إلى الخدمة متأخرًا. "
        "عُد إلى صالة الانتظار، وإن كان دورك قد استُخدم فخذ رقمًا جديدًا.",
    ),
    Words(
        "Your link has expired",
        "The link that lets you in came too late. "
        "Go back to the waiting room; if your turn was used, take a new number.",
    ),
)
MOVED = Said(
    Words(
        "تغيّر عنوان اتصالك",
        "لا تقبل الخدمة الرابط إلا من الاتصال نفسه. عُد إلى صالة الانتظار دون تغيير الشبكة.",
    ),
    Words(
        "Your network has changed",
        "The service takes the link from the same network only. Go back and stay on one network.",
    ),
)
REFUSED = Said(
    Words(
        "تعذّر الدخول إلى الخدمة",
        "لم تقبل الخدمة الرابط. لم ترتكب أي خطأ. عُد إلى صالة الانتظار وحاول من جديد.",
    ),
    Words(
        "The service did not take the link",
        "You did nothing wrong. Go back to the waiting room and try again.",
    ),
)
SPENT = Said(
    Words("استُخدم دورك", "دخلت إلى الخدمة بهذا الدور من قبل، ولكل دور دخول واحد. يمكنك أخذ رقم جديد."),
    Words(
        "Your turn has been used",
        "You entered the service with this turn before; each turn is good for one entry. Take a new number.",
    ),
)
DONE = Said(
    Words("شكرًا لك", "انتهت زيارتك، وأصبح مكانك متاحًا لغيرك."),
    Words("Thank you", "Your visit has ended, and your slot is free for the next visitor."),
)
NOWHERE = Said(
    Words("لا توجد صالة انتظار هنا", "الرابط غير صحيح أو لم تعد الخدمة متصلة. افتح الخدمة من موقعها."),
    Words(
        "There is no waiting room here",
        "The link is wrong, or the service is connected no longer. Open the service from its own site.",
    ),
)
BACK = "العودة إلى صالة الانتظار", "Back to the waiting room"
ANEW = "خذ رقمًا جديدًا", "Take a new number"


def page(said: Said, status: int, *, link: str = "", form: str = "") -> web.Response:
    """The page, with a link on, or a button whose form is posted. Nothing else of the request is in it."""
    sections = "".join(
        f'<section lang="{lang}" dir="{side}"><h1>{html.escape(words.title)}</h1>'
        f"<p>{html.escape(words.text)}</p>{_onward(link, form, place)}</section>"
        for place, (lang, side, words) in enumerate((("ar", "rtl", said.ar), ("en", "ltr", said.en)))
    )
    text = (
        '<!doctype html><html lang="ar" dir="rtl"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width"><meta name="robots" content="noindex">'
        f"<title>{html.escape(said.ar.title)} · {html.escape(said.en.title)}</title>"
        f"<style>{_STYLE}</style></head><body><main>{sections}</main></body></html>"
    )
    headers = {
        "Content-Security-Policy": _POLICY,
        "Cache-Control": "no-store",
        "Referrer-Policy": "no-referrer",
    }
    return web.Response(text=text, status=status, content_type="text/html", headers=headers)


def _onward(link: str, form: str, place: int) -> str:
    if link:
        return f'<p><a href="{html.escape(link)}">{BACK[place]}</a></p>'
    if form:
        return f'<form method="post" action="{html.escape(form)}"><button>{ANEW[place]}</button></form>'
    return ""
