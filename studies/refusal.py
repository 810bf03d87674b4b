"""The sentence about one value of a study file, with the path where it stands."""

from studies.errors import InputError
from studies.sentences import printable

Parts = tuple[str, ...]
"""Where a value stands: the keys from the top of the table down to it."""


class Refusal(InputError):
    """A value that cannot stand where it stands: `must` says what holds there, `but` what was given instead."""

    def __init__(self, parts: Parts, must: str, but: str = ""):
        super().__init__(parts, must, but)
        self.parts, self.must, self.but = parts, must, but

    def at(self, parts: Parts) -> "Refusal":
        """The same sentence about another place."""
        return Refusal(parts, self.must, self.but)

    def under(self, *above: str) -> "Refusal":
        """The same sentence, seen from further up."""
        return self.at((*above, *self.parts))

    def __str__(self) -> str:
        sentence = f"{self.must}, but {self.but}" if self.but else self.must
        return f"{dotted(self.parts)}: {sentence}" if self.parts else sentence


def dotted(parts: Parts) -> str:
    """The path as it is printed."""
    return ".".join(printable(part) for part in parts)
