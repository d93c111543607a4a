"""Why a session is not given. Each is for the caller to word; none tells whose session it was."""


class UnknownSession(Exception):
    """There is no such living session for this agency."""


class SpentSession(UnknownSession):
    """The id was rotated away: somebody else has the new one, or the caller kept the old one too long."""


class ReadOnlySession(SpentSession):
    """The id was rotated away a moment ago: within the grace it reads, and changes nothing."""


class TooManySessions(Exception):
    """The subject, or the network, has as many as it may."""

    def __init__(self, retry_after_ms: int) -> None:
        super().__init__(f"try again in {retry_after_ms} ms")
        self.retry_after_ms = retry_after_ms
