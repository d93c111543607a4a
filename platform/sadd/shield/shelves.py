"""Where the pages of each service are kept; made once for each state of the catalogue."""

from sadd.caching.spaces import SHIELD, Spaces
from sadd.shield.pages import Shelf, policy_of
from sadd.shield.sites import Site


class Shelves:
    """Of one worker."""

    def __init__(self, spaces: Spaces) -> None:
        self._spaces = spaces
        self._made: dict[str, Shelf] = {}

    def of(self, site: Site) -> Shelf | None:
        """None: nothing is kept of this service."""
        if site.rules is None:
            return None
        made = self._made.get(site.service.id)
        if made is None or made.site is not site:
            made = self._made[site.service.id] = Shelf(
                site,
                self._spaces.of(site.service.agency, SHIELD + site.service.id),
                policy_of(site.rules),
                site.rules.shared,
            )
        return made
