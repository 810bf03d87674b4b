"""The error for one value of a study file."""

from studies.errors import InputError
from studies.file.messages import escape_control
from studies.file.trees import Parts


class Refusal(InputError):
    """A wrong value in a study file; the message is "PATH: MUST, but BUT".

    parts  path of the value
    must   rule that the value breaks, as in "must be > 0"
    but    what was given instead, as in "is -0.01"; empty if `must` says everything
    """

    def __init__(self, parts: Parts, must: str, but: str = ""):
        super().__init__(parts, must, but)
        self.parts, self.must, self.but = parts, must, but

    def at(self, parts: Parts) -> "Refusal":
        """The same error at another path."""
        return Refusal(parts, self.must, self.but)

    def under(self, *above: str) -> "Refusal":
        """The same error with the path of the enclosing table in front of its own."""
        return self.at((*above, *self.parts))

    def __str__(self) -> str:
        sentence = f"{self.must}, but {self.but}" if self.but else self.must
        return f"{dotted(self.parts)}: {sentence}" if self.parts else sentence


def dotted(parts: Parts) -> str:
    """The path as it is printed: its keys joined by dots."""
    return ".".join(escape_control(part) for part in parts)
