"""From a draw and a proof to the page: pure. Style and script are inside it, named in the policy by hash."""

import base64
import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from importlib import resources
from typing import Literal

import jinja2
import yaml
from markupsafe import Markup

from queueing.draw.beacon import QUICKNET, Chain
from queueing.draw.document import Draw, Proof, encode
from queueing.draw.verification import faults_of_draw, faults_of_proof

Lang = Literal["ar", "en"]
Fault = Literal["", "no_entry", "not_drawn"]


@dataclass(frozen=True, slots=True)
class DrawView:
    """What the page shows. ``typed`` is what somebody looked for, ``api`` the address of the documents."""

    lang: Lang
    name: str
    api: str
    draw: Draw | None
    proof: Proof | None = None
    typed: str = ""
    fault: Fault = ""


@dataclass(frozen=True, slots=True)
class Step:
    """One thing that was checked, and the value that it gave."""

    what: str
    good: bool
    value: str = ""


@dataclass(frozen=True, slots=True)
class Rendered:
    html: str
    policy: str


def render(view: DrawView, chain: Chain = QUICKNET) -> Rendered:
    style, script = _asset("draw.css"), _asset("draw.js")
    other = "en" if view.lang == "ar" else "ar"
    html = _template().render(
        lang=view.lang,
        other=other,
        other_query=_query(view, other),
        say=texts(view.lang),
        name=view.name,
        api=view.api,
        draw=view.draw,
        proof=view.proof,
        typed=view.typed,
        fault=view.fault,
        steps=steps(view.proof, chain) if view.proof is not None else (),
        at=_moment,
        data=_embedded(view.proof) if view.proof is not None else "",
        style=Markup(style),  # noqa: S704  # our own files
        script=Markup(script),  # noqa: S704
    )
    policy = (
        f"default-src 'none'; style-src {_source(style)}; script-src {_source(script)}; "
        "form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
    )
    return Rendered(html, policy)


def steps(proof: Proof, chain: Chain = QUICKNET) -> tuple[Step, ...]:
    """What a verifier checks of the place, one by one, with the verifier's own functions."""
    of_draw, of_proof = " ".join(faults_of_draw(proof.draw, chain)), " ".join(faults_of_proof(proof, chain))
    beacon = "step_beacon" if proof.draw.beacon.kind == "drand" else "step_statement"
    return (
        Step("step_listed", "not in the list" not in of_proof and "no proof" not in of_proof),
        Step("step_order", "frozen " not in of_draw),
        Step(beacon, "beacon is doctored" not in of_draw),
        Step("step_seed", "seed is doctored" not in of_draw, proof.draw.seed),
        Step("step_place", not of_proof),
    )


@cache
def texts(lang: Lang) -> Mapping[str, str]:
    found: dict[str, str] = yaml.safe_load(_folder().joinpath("texts", f"{lang}.yaml").read_text("utf-8"))
    return found


def _query(view: DrawView, lang: str) -> str:
    serial = f"&draw={view.draw.draw}" if view.draw is not None else ""
    entry = f"&entry={view.proof.entry}" if view.proof is not None else ""
    return f"lang={lang}{serial}{entry}"


def _moment(ms: int) -> str:
    return datetime.fromtimestamp(ms // 1000, UTC).strftime("%Y-%m-%d %H:%M:%S UTC")


def _embedded(proof: Proof) -> Markup:
    """JSON that ends no script element, whatever a room is called."""
    text = encode(proof).decode().replace("<", "\\u003c")
    return Markup(text)  # noqa: S704  # nothing in it opens a tag


def _source(text: str) -> str:
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"


@cache
def _template() -> jinja2.Template:
    environment = jinja2.Environment(
        autoescape=True, undefined=jinja2.StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    return environment.from_string(_folder().joinpath("draw.html").read_text("utf-8"))


@cache
def _asset(name: str) -> str:
    return _folder().joinpath(name).read_text("utf-8")


def _folder() -> resources.abc.Traversable:
    return resources.files("sadd.web.draw_page")
