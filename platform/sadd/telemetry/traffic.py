"""What HTTP did, counted by endpoint: requests by class of status, durations, requests in flight."""

from sadd.telemetry.histogram import Histogram


class RouteCounters:
    """Counters of one method and path template. Plain slots: one event loop writes them."""

    __slots__ = ("by_class", "durations", "in_flight", "method", "path")

    def __init__(self, method: str, path: str) -> None:
        self.method = method
        self.path = path
        self.by_class = [0] * 6  # index 2 is 2xx; 0 is unused
        self.durations = Histogram()
        self.in_flight = 0

    def count(self, status: int, seconds: float) -> None:
        self.by_class[status // 100] += 1
        self.durations.observe(seconds)


class Traffic:
    """All routes of one worker. The path is always a template, so the label set is bounded."""

    __slots__ = ("_routes",)

    def __init__(self) -> None:
        self._routes: dict[tuple[str, str], RouteCounters] = {}

    def route(self, method: str, path: str) -> RouteCounters:
        """The counters of a route, the same ones at each call."""
        return self._routes.setdefault((method, path), RouteCounters(method, path))

    @property
    def routes(self) -> list[RouteCounters]:
        return list(self._routes.values())

    @property
    def in_flight(self) -> int:
        return sum(route.in_flight for route in self._routes.values())
