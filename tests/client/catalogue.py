"""A catalogue of one agency whose services have the limits that these tests need."""

from pathlib import Path

AGENCY = "bench"
NARROW, DEEP, WIDE = "bench-narrow", "bench-deep", "bench-wide"
OF_THE_DOCUMENTS = "moehe-secondary-results"

DEEP_BURST = 5_000
"""It fills up again by one a second: what was used can be read from what remains."""

CLASSES = {
    OF_THE_DOCUMENTS: "limit: 60, period_seconds: 60, burst: 20, on_store_loss: local",
    NARROW: "limit: 60, period_seconds: 60, burst: 20, on_store_loss: local",
    DEEP: f"limit: 60, period_seconds: 60, burst: {DEEP_BURST}, on_store_loss: closed",
    WIDE: "limit: 1000000, period_seconds: 1, burst: 1000000, on_store_loss: closed",
}

QUEUE = "{id: rush, outflow_share: 0.9, active_share: 0.9, claim_window_seconds: 120, pass_seconds: 300}"

SESSION = "{id: citizen, idle_seconds: 900, absolute_seconds: 28800}"

AGENCIES = """
- id: bench
  name: {ar: قياس, en: Bench}
  kind: authority
  contact: {email: bench@bench.gov.example, phone: "+974 4000 9999"}
"""

SERVICE = """
- id: %s
  name: {ar: خدمة %s, en: Service %s}
  category: security
  audience: [citizens]
  channels: [web]
  status: live
  since: "2018-05-23"
  origin: https://bench.gov.example
  capacity: {requests_per_second: 55, concurrent_users: 550}
  yearly_volume: 164000
  peak: {event: a run, factor: 2.2}
  protection: {limits: %s, queue: rush, session: citizen}
"""

COPIES_A_DAY = 3
RULES = f"""
- id: copies
  agency: {AGENCY}
  service: {DEEP}
  route: /pdf/*
  by: [citizen]
  limit: {{limit: {COPIES_A_DAY}, algorithm: calendar, unit: day}}
"""


def write_rules(folder: Path) -> Path:
    folder.mkdir()
    (folder / "rules.yaml").write_text(RULES)
    return folder


def write_catalogue(folder: Path) -> Path:
    classes = "".join(f"  - {{id: {name}, {numbers}}}\n" for name, numbers in CLASSES.items())
    files = {
        "agencies.yaml": AGENCIES,
        "classes.yaml": f"limits:\n{classes}queues:\n  - {QUEUE}\ncaches: []\nsessions:\n  - {SESSION}\n",
        "apps.yaml": "[]\n",
        "services/bench.yaml": "".join(SERVICE % (name, name, name, name) for name in CLASSES),
    }
    for name, text in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)
    return folder
