"""A small catalogue that breaks no rule: two agencies, four services, an app, one class of each kind."""

from datetime import date

import msgspec

from sadd.catalogue.kinds import assemble
from sadd.catalogue.model import (
    Agency,
    App,
    CacheClass,
    Capacity,
    Catalogue,
    Contact,
    LimitClass,
    Name,
    Peak,
    Protection,
    QueueClass,
    Service,
    SessionClass,
)

TODAY = date(2026, 11, 1)


def service(id_: str = "moehe-results", agency: str = "moehe", **changes: object) -> Service:
    """A valid service; ``changes`` are fields of it."""
    whole = Service(
        id=id_,
        agency=agency,
        name=Name(ar=f"نتائج {id_}", en=f"Results {id_}"),
        category="education",
        audience=("citizens", "residents"),
        channels=("web",),
        status="live",
        since="2020-05-01",
        origin="https://results.moehe.gov.example",
        capacity=Capacity(requests_per_second=40, concurrent_users=400),
        yearly_volume=420_000,
        peak=Peak(event="results day", factor=38.0),
        protection=Protection("standard", "surge", "page", "citizen"),
    )
    return msgspec.structs.replace(whole, **changes)


def agency(id_: str, ar: str, en: str) -> Agency:
    return Agency(id_, Name(ar, en), "ministry", Contact(f"info@{id_}.gov.example", "+974 4000 1100"))


def small(*services: Service) -> Catalogue:
    """The whole catalogue, with ``services`` in place of its own if there are any."""
    listed = services or (
        service("moehe-results", name=Name("نتائج الشهادة الثانوية", "Secondary certificate results")),
        service("moehe-register", name=Name("تسجيل الطلبة الجدد", "Registration of new pupils")),
        service("moph-appointment", "moph", name=Name("حجز موعد", "Clinic appointment"), category="health"),
        service("moph-vaccines", "moph", name=Name("سجل التطعيمات", "Vaccination record"), category="health"),
    )
    called = tuple(s.id for s in listed[:2])
    app = App("school-app", "moehe", Name("مدرستي", "My School"), ("ios",), "live", "2021-01-01", called)
    return assemble(
        0,
        {
            "limits": {"standard": LimitClass("standard", 60, 60, 20)},
            "queues": {"surge": QueueClass("surge", 0.15, 0.9, 120, 300)},
            "caches": {"page": CacheClass("page", 300, 900)},
            "sessions": {"citizen": SessionClass("citizen", 900, 28_800)},
            "agencies": {
                "moehe": agency("moehe", "وزارة التعليم", "Ministry of Education"),
                "moph": agency("moph", "وزارة الصحة", "Ministry of Health"),
            },
            "services": {s.id: s for s in listed},
            "apps": {app.id: app},
        },
    )
