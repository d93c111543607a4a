"""How a command ends when it does not end well. Raised anywhere below ``main``, printed there as plain lines.

CommandError
  UsageError   2   asked wrongly, or configured wrongly
  Failed       1   asked rightly, and the answer is no
"""

OK, FAILED, USAGE = 0, 1, 2
INTERRUPTED, PIPE_CLOSED = 130, 141  # 128 + SIGINT, 128 + SIGPIPE, as the shell counts


class CommandError(Exception):
    """``lines`` are for a person: what was wrong, and what to do about it where that is known."""

    exit_code = FAILED

    def __init__(self, *lines: str) -> None:
        super().__init__("\n".join(lines))
        self.lines = lines


class Failed(CommandError):
    exit_code = FAILED


class UsageError(CommandError):
    exit_code = USAGE
