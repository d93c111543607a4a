"""``sadd queue preview``: a room's page in any state, as a file to open in a browser."""

import argparse
import asyncio
import sys
from dataclasses import replace
from pathlib import Path

from sadd.catalogue.model import Catalogue
from sadd.cli.outcome import Failed, UsageError
from sadd.cli.parser import Parser
from sadd.cli.queue_sources import book_in, catalogue_in, catalogue_in_files
from sadd.cli.stores import database
from sadd.rooms.spec import RoomSpec
from sadd.rooms.view import state_of
from sadd.rooms.written import RoomBook
from sadd.settings import Settings
from sadd.web.room_page.look import CONTRASTS, SIZES, THEMES, Look
from sadd.web.room_page.page import RoomPage
from sadd.web.room_page.sample import sample_of
from sadd.web.room_page.speech import LANGS
from sadd.web.room_page.view import PAGE_STATES, RoomView

DESCRIPTION = """\
Write the page that visitors of a room see, in a state of your choice, with numbers that are made up. The
room's name, message, logo, lanes and template are its own. A template that fails is told, and ends with 1.
"""
EPILOG = """\
examples:
  sadd queue preview moehe-secondary-results --state waiting --lang ar > page.html
  sadd queue preview moehe-secondary-results --template mine.html --all pages/
"""


def add(words: "argparse._SubParsersAction[Parser]") -> None:
    preview = words.add_parser(
        "preview", help="write a room's page in any state", description=DESCRIPTION, epilog=EPILOG
    )
    preview.add_argument("room", metavar="ROOM")
    preview.add_argument("--state", choices=PAGE_STATES, default="waiting", help="[waiting]")
    preview.add_argument("--lang", choices=LANGS, default="ar", help="[ar]")
    preview.add_argument("--size", choices=SIZES, default="100", help="of the text, in percent [100]")
    preview.add_argument("--contrast", choices=CONTRASTS, default="usual", help="[usual]")
    preview.add_argument("--theme", choices=THEMES, default="auto", help="[auto]")
    preview.add_argument("--template", type=Path, metavar="FILE", help="instead of the room's own")
    preview.add_argument("--files", action="store_true", help="the room of the catalogue's files")
    preview.add_argument(
        "--all", type=Path, metavar="FOLDER", help="every state in both languages, a file each"
    )
    preview.set_defaults(run=lambda args, settings: asyncio.run(_preview(args, settings)))


async def _preview(args: argparse.Namespace, settings: Settings) -> int:
    spec, catalogue = await _room(args, settings)
    template = spec.template
    if args.template is not None:
        try:
            template = args.template.read_text("utf-8")
        except (OSError, UnicodeDecodeError) as error:
            raise UsageError(f"sadd queue preview: {args.template}: {error}") from None
    pages = RoomPage()
    look = Look(args.lang, args.size, args.contrast, args.theme)
    if args.all is None:
        sys.stdout.write(_html(pages, sample_of(spec, catalogue, args.state, look), template))
        return 0
    args.all.mkdir(parents=True, exist_ok=True)
    for state in PAGE_STATES:
        for lang in LANGS:
            view = sample_of(spec, catalogue, state, replace(look, lang=lang))
            (args.all / f"{state}-{lang}.html").write_text(_html(pages, view, template), "utf-8")
    print(f"{len(PAGE_STATES) * len(LANGS)} pages in {args.all}", file=sys.stderr)
    return 0


async def _room(args: argparse.Namespace, settings: Settings) -> tuple[RoomSpec, Catalogue]:
    if args.files:
        catalogue, book = catalogue_in_files(settings), RoomBook()
    else:
        async with database(settings) as pool:
            catalogue, book = await catalogue_in(pool), await book_in(pool)
    spec = state_of(catalogue, book).rooms.get(args.room)
    if spec is None:
        raise UsageError(f"sadd queue preview: there is no room {args.room!r}; sadd queue list names them")
    return spec, catalogue


def _html(pages: RoomPage, view: RoomView, template: str | None) -> str:
    if template is not None and (wrong := pages.check(template, view)) is not None:
        raise Failed(f"sadd queue preview: the template fails for {view.state}: {wrong}")
    return pages.render(view, template).html
