"""What citizens see: the announcement, a candidate's result, and the waiting page, in Arabic.

Every name and mark is synthetic and drawn from the candidate's number, so that a page can be checked.
"""

import random
from html import escape
from string import Template

_FRAME = Template("""<!doctype html>
<html lang="ar" dir="rtl">
<head><meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>$title</title>
<style>body{font-family:system-ui,sans-serif;max-width:42rem;margin:3rem auto;padding:0 1rem;line-height:1.8}
table{border-collapse:collapse;width:100%}td,th{border-bottom:1px solid #ccc;padding:.4rem;text-align:start}
.place{font-size:3rem;font-weight:700}input,button{font:inherit;padding:.4rem .8rem}</style></head>
<body><h1>$title</h1>$body<p><small>بيانات تجريبية غير حقيقية</small></p></body></html>
""")

_SUBJECTS = (
    "اللغة العربية",
    "التربية الإسلامية",
    "اللغة الإنجليزية",
    "الرياضيات",
    "الفيزياء",
    "الكيمياء",
    "الأحياء",
    "الدراسات الاجتماعية",
)


def announcement_page() -> str:
    """The same for everybody: results are out, sign in here."""
    body = (
        "<p>أُعلنت نتائج الشهادة الثانوية. أدخل رقم الجلوس للاطلاع على النتيجة.</p>"
        '<form method="post" action="/sign-in"><label>رقم الجلوس '
        '<input name="candidate" inputmode="numeric" required></label> <button>دخول</button></form>'
    )
    return _page("نتائج الشهادة الثانوية", body)


def result_page(candidate: str) -> str:
    """The marks of one candidate."""
    draw = random.Random(f"marks:{candidate}")
    marks = [(subject, draw.randint(50, 100)) for subject in _SUBJECTS]
    rows = "".join(f"<tr><td>{subject}</td><td>{mark}</td></tr>" for subject, mark in marks)
    average = sum(mark for _, mark in marks) / len(marks)
    body = (
        f"<p>رقم الجلوس: <b>{escape(candidate)}</b></p>"
        f"<table><tr><th>المادة</th><th>الدرجة</th></tr>{rows}</table><p>المعدل: <b>{average:.1f}</b></p>"
    )
    return _page("كشف الدرجات", body)


def waiting_page(position: int, low_ms: int, high_ms: int) -> str:
    """Your place in the line. Whoever sends it also says when to ask again (the ``Refresh`` field)."""
    body = (
        "<p>عدد الزوار كبير الآن. مكانك محفوظ، وستدخل تلقائياً عند وصول دورك.</p>"
        f'<p>ترتيبك في الصف</p><p class="place">{position}</p>'
        f"<p>وقت الانتظار المتوقع بالدقائق: من {_minutes(low_ms)} إلى {_minutes(high_ms)}</p>"
    )
    return _page("غرفة الانتظار", body)


def _minutes(ms: int) -> int:
    return max(1, -(-ms // 60_000))


def refusal_page(retry_seconds: int) -> str:
    """Too many requests by this visitor."""
    return _page("طلبات كثيرة", f"<p>حاول مرة أخرى بعد {retry_seconds} ثانية.</p>")


def _page(title: str, body: str) -> str:
    return _FRAME.substitute(title=title, body=body)
