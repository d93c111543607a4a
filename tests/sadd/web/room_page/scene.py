"""A room of a made-up agency, in any state."""

from sadd.catalogue.model import Name
from sadd.web.room_page.look import Look
from sadd.web.room_page.sample import sample
from sadd.web.room_page.view import PageState, RoomView

ROOM = "moehe-secondary-results"
NAME = Name(ar="نتائج الشهادة الثانوية", en="Secondary certificate results")
AGENCY = Name(ar="وزارة التربية والتعليم", en="Ministry of Education")
MESSAGE = Name(
    ar="تظهر النتائج الساعة 10.\nلا حاجة إلى الحضور.", en="Results appear at 10.\nNo need to come."
)
LOGO = "data:image/svg+xml;base64," + "PHN2ZyB4bWxucz0iaHR0cDovL3d3dy53My5vcmcvMjAwMC9zdmciLz4="


def room(state: PageState, look: Look | None = None) -> RoomView:
    return sample(state, look or Look(), room=ROOM, name=NAME, agency=AGENCY, message=MESSAGE, logo=LOGO)
