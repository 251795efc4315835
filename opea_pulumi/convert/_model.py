"""What a conversion gives: text, and what the format could not hold."""

from __future__ import annotations

from dataclasses import dataclass

from opea_pulumi.application import without_secrets


@dataclass(frozen=True)
class Loss:
    """Something of the application that a format cannot hold.

    ``place`` is a workload or a key path, ``what`` is lost or done otherwise, ``why`` the format's reason.
    An address with a user's password, where a name belongs, is not repeated.
    """

    place: str
    what: str
    why: str

    def __post_init__(self) -> None:
        for name in ("place", "what", "why"):
            object.__setattr__(self, name, without_secrets(getattr(self, name)))

    def __str__(self) -> str:
        return f"{self.place}: {self.what} ({self.why})"


@dataclass(frozen=True)
class Conversion:
    """The text in the format (ends with a newline), and the losses in a fixed order."""

    text: str
    losses: tuple[Loss, ...] = ()
