"""The player's half of the wire protocol, as schemas/wire.md has it."""

import collections
import dataclasses
import time

import client
import wire_messages
from wire_peer import Lost, Peer


@dataclasses.dataclass(frozen=True)
class Received:
    """A chunk as it was delivered."""
    epoch: int
    sequence: int
    chunk: object
    payload: bytes
    at: float       # time.time() then

    @property
    def position(self):
        return self.epoch, self.sequence


@dataclasses.dataclass(frozen=True)
class Missing:
    """A Gap, of the relay or of our own."""
    start: tuple    # (epoch, sequence): the first that is missing
    end: tuple      # the first that comes
    reason: str
    from_utc_us: int = 0
    to_utc_us: int = 0


class Player(Peer):
    """Watches: delivers each chunk once and in order into `chunks`, says what is missing in `gaps`.

    `start`: fields of Play, for instance `live=True`, `at_utc_us=...` or `cursor=(epoch, number)`.
    """

    def __init__(self, port, path, *, until=None, slow=None, max_lag_ms=None, flush_ms=0,
                 speed=None, keep_payload=True, start=None, **arguments):
        super().__init__(port, path, **arguments)
        self.wanted = self.start_fields(start or {"live": True})
        wishes = {"until": until and self.position(until), "max_lag_ms": max_lag_ms,
                  "slow": slow and self.schema.Play.Slow.Value(slow), "flush_ms": flush_ms,
                  "speed": speed}
        self.wishes = {name: value for name, value in wishes.items() if value is not None}
        self.is_fast = (speed or 0) > 100
        self.keep_payload = keep_payload
        self.chunks, self.gaps, self.tracks = [], [], []
        self.events = []        # chunks, gaps, and the messages Playing and Tracks, in order
        self.repeats = self.checksum_errors = self.dropped = 0
        self.cursor = None      # after the last that was delivered
        self.expected = None    # on this connection
        self.known = None       # version of the tracks
        self.request = 0        # of the last Seek on this connection
        self.answered = False
        self.asked_again = None  # the cursor at which a chunk was wrong
        self.commands = collections.deque()
        self.paused = False

    def position(self, pair):
        return self.schema.Position(epoch=pair[0], sequence=pair[1])

    def start_fields(self, start):
        return {name: self.position(value) if name == "cursor" else value
                for name, value in start.items()}

    # What the test does.

    def seek(self, **start):
        with self.changed:
            self.wanted, self.cursor, self.answered = self.start_fields(start), None, False
            self.request += 1
            self.commands.append(("seek", {"request": self.request, **self.wanted}))
        self.wake()

    def pause(self):
        self.paused = True
        self.commands.append(("pause", {}))
        self.wake()

    def resume(self):
        self.paused = False
        self.commands.append(("resume", {}))
        self.wake()

    def wait_chunks(self, count, timeout=client.TIMEOUT):
        return self.wait(lambda: len(self.chunks) >= count, f"{count} chunks", timeout)

    def wait_position(self, sequence, timeout=client.TIMEOUT):
        """Until the chunk with that number is delivered."""
        return self.wait(lambda: self.chunks and self.chunks[-1].sequence >= sequence,
                         f"chunk {sequence}", timeout)

    def wait_gaps(self, count, timeout=client.TIMEOUT):
        return self.wait(lambda: len(self.gaps) >= count, f"{count} gaps", timeout)

    def sequences(self):
        return [one.sequence for one in self.chunks]

    def check_once(self, first, end):
        """Every number from `first` to before `end`, once and in order, and no gap."""
        assert self.gaps == [], self.gaps
        got = self.sequences()
        assert got == list(range(first, end)), (
            f"{len(got)} chunks instead of {end - first}: "
            f"first wrong {next(((i, n) for i, n in enumerate(got) if n != first + i), None)}")

    def __str__(self):
        return (f"{super().__str__()}; {len(self.chunks)} chunks up to "
                f"{self.chunks[-1].position if self.chunks else None}, {len(self.gaps)} gaps, "
                f"{self.repeats} repeats")

    # In the thread.

    def on_connected(self, link):
        with self.changed:
            start = {"cursor": self.position(self.cursor)} if self.cursor else self.wanted
            link.send(play=self.schema.make("Play", token=self.token, **start, **self.wishes))
            self.commands.clear()
            if self.paused:
                link.send(pause=self.schema.Pause())
            self.request, self.answered, self.expected, self.known = 0, False, None, None

    def on_writable(self, link):
        with self.changed:
            while self.commands:
                name, fields = self.commands.popleft()
                link.send(**{name: self.schema.make(name.title(), **fields)})

    def on_message(self, link, name, message, payload):
        if name == "playing":
            self.on_playing(message)
        elif name == "tracks":
            self.on_tracks(message)
        elif name == "gap":
            self.on_gap(message)
        elif name == "chunk":
            self.on_chunk(message, payload)
        elif name is not None:
            raise AssertionError(f"{name} to a player")

    def on_playing(self, message):
        assert 0 < len(message.token) <= 512
        request = getattr(message, "request", 0)
        if request == 0:
            assert self.expected is None, "a second Playing"
            self.connections += 1
            self.failures = 0
        self.token = message.token
        self.expected = message.start.epoch, message.start.sequence
        if request != self.request:
            return  # a Seek has followed
        self.answered = True
        self.events.append(message)
        if self.cursor is None and "cursor" in self.wanted:
            asked = self.wanted["cursor"]
            self.cursor = asked.epoch, asked.sequence
        if self.cursor is None:
            self.cursor = self.expected
        if message.HasField("tracks"):
            self.on_tracks(message.tracks)

    def on_tracks(self, message):
        assert message.version != 0 and len(message.tracks) <= 16
        self.known = message.version
        if not self.tracks or self.tracks[-1] != message:
            self.tracks.append(message)
            self.events.append(message)

    def on_gap(self, message):
        if not self.answered:
            return
        start = getattr(message, "from")
        gap = Missing((start.epoch, start.sequence), (message.to.epoch, message.to.sequence),
                      wire_messages.name_of(self.schema.Gap.Reason, message.reason),
                      getattr(message, "from_utc_us", 0), getattr(message, "to_utc_us", 0))
        assert gap.start == self.cursor, f"{gap} at {self.cursor}"
        assert gap.start[0] != gap.end[0] or gap.start[1] < gap.end[1], gap
        self.missing(gap)

    def missing(self, gap):
        self.gaps.append(gap)
        self.events.append(gap)
        self.cursor = self.expected = gap.end

    def on_chunk(self, chunk, payload):
        if not self.answered:
            self.dropped += 1
            return
        assert len(payload) == sum(sample.size for sample in chunk.samples)
        assert chunk.tracks_version == self.known, (
            f"chunk {chunk.sequence} means tracks {chunk.tracks_version}, known are {self.known}")
        if chunk.epoch == self.cursor[0] and chunk.sequence < self.cursor[1]:
            self.repeats += 1
            return
        if self.is_fast and chunk.sync and chunk.epoch == self.cursor[0]:
            self.cursor = chunk.epoch, chunk.sequence  # numbers in between are passed over
        if (chunk.epoch, chunk.sequence) != self.cursor:
            self.ask_again("BAD_SEQUENCE")
            self.missing(Missing(self.cursor, (chunk.epoch, chunk.sequence), "UNEXPLAINED"))
        if wire_messages.crc32c(payload) != chunk.checksum:
            self.checksum_errors += 1
            self.ask_again("BAD_CHECKSUM")
            self.missing(Missing(self.cursor, (chunk.epoch, chunk.sequence + 1), "CORRUPT"))
            return
        self.deliver(chunk, payload)

    def ask_again(self, reason):
        """The first time at a cursor: connect anew and ask for it again."""
        if self.asked_again == self.cursor:
            return
        self.asked_again = self.cursor
        raise Lost(reason)

    def deliver(self, chunk, payload):
        last = self.chunks[-1] if self.chunks else None
        if last and last.epoch == chunk.epoch and last.sequence < chunk.sequence:
            assert chunk.utc_us >= last.chunk.utc_us, "UTC goes back"
        one = Received(chunk.epoch, chunk.sequence, chunk,
                       payload if self.keep_payload else b"", time.time())
        self.chunks.append(one)
        self.events.append(one)
        self.cursor = self.expected = chunk.epoch, chunk.sequence + 1
