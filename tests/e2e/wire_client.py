"""A client of the Spancast wire protocol, written from schemas/wire.md: a camera and a player.

Each lives in a thread of its own and connects again by itself, as the page says, until its `with`
block ends or a Bye says that it makes no sense. Tests look at what they record.
"""

from wire_camera import Camera
from wire_player import Missing, Player, Received

__all__ = ["Camera", "Missing", "Player", "Received"]
