"""What HTTP did, counted by endpoint: requests by class of status, durations, requests in flight."""

from collections.abc import Iterable

from sadd.telemetry.family import Family, Sample, Samples
from sadd.telemetry.histogram import QUICK, QUICK_MICROSECONDS, Histogram, bucket

_ROUTE = ("method", "route")
_REQUESTS = Family(
    "sadd_http_requests", "Requests by route and class of status.", "counter", (*_ROUTE, "status")
)
_DURATIONS = Family(
    "sadd_http_request_duration_seconds", "From the parsed head to the handler's answer.", "histogram", _ROUTE
)
_IN_FLIGHT = Family("sadd_http_requests_in_flight", "Requests that are being answered.", "gauge")


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
        durations = self.durations  # as its ``observe`` does: this is on the path of every request
        durations.sum_seconds += seconds
        microseconds = int(seconds * 1e6)
        quick = microseconds < QUICK_MICROSECONDS
        durations.counts[QUICK[microseconds] if quick else bucket(microseconds)] += 1


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

    def read(self) -> Iterable[tuple[Family, Samples]]:
        """The families, as a source of ``Metrics``. Routes that nobody has called are left out."""
        called = [route for route in self._routes.values() if any(route.by_class)]
        yield (
            _REQUESTS,
            {
                (route.method, route.path, f"{hundred}xx"): Sample(count)
                for route in called
                for hundred, count in enumerate(route.by_class)
                if count
            },
        )
        yield (
            _DURATIONS,
            {
                (route.method, route.path): Sample(route.durations.sum_seconds, tuple(route.durations.counts))
                for route in called
            },
        )
        yield _IN_FLIGHT, {(): Sample(self.in_flight)}
