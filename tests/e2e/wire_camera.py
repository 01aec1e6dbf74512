"""The publisher's half of the wire protocol, as schemas/wire.md has it."""

import collections
import dataclasses
import random
import time

import client
import wire_messages
from wire_peer import Peer

UNSENT_MAX = 256 * 1024  # what is queued before the kernel takes it


def xor_bit(data, at):
    data = bytearray(data)
    data[at // 8] ^= 1 << at % 8
    return bytes(data)


@dataclasses.dataclass
class Kept:
    chunk: object    # the message
    payload: bytes
    tracks: object
    made: float


class Camera(Peer):
    """Publishes what `add` is given, and keeps it as long as the page says."""

    def __init__(self, port, path, *, keep_seconds=10.0, keep_bytes=64 << 20, epoch=None,
                 number_from=0, name_stream=False, **arguments):
        super().__init__(port, path, **arguments)
        self.keep_seconds, self.keep_bytes = keep_seconds, keep_bytes
        self.epoch = epoch or random.SystemRandom().getrandbits(64) | 1
        self.stream = path.lstrip("/").encode() if name_stream else b""
        self.keep = collections.deque()
        self.next = self.first_ever = number_from  # the number of the next chunk
        self.tracks = None
        self.acknowledged = number_from  # every chunk before it is at the relay
        self.durable = None
        self.dropped = 0        # never acknowledged, and kept no more
        self.sent = self.repeated = 0  # chunks, on all connections
        self.asked = []         # what each Welcome asked for
        self.acks = []          # (when, acknowledged)
        self.welcome = False
        self.finishing = False
        self.to_send = None     # on this connection
        self.sent_ever = number_from
        self.announced = None   # version of the tracks that the relay knows
        self.offered = None     # (first, next) of Hello
        self.commands = collections.deque()  # gaps to tell
        self.damage = None      # a bit of the next chunk that is sent

    # What the test does.

    def set_tracks(self, tracks):
        with self.changed:
            version = self.tracks.version + 1 if self.tracks else 1
            self.tracks = self.schema.Tracks(version=version, tracks=tracks)

    def add(self, samples, payload, *, sync, utc_us=None, **fields):
        """The next chunk; returns its number. `samples`: of this schema, `payload`: all of them."""
        with self.changed:
            chunk = self.schema.make(
                "Chunk", epoch=self.epoch, sequence=self.next, sync=sync, samples=samples,
                utc_us=utc_us or time.time_ns() // 1000, tracks_version=self.tracks.version,
                checksum=wire_messages.crc32c(payload), **fields)
            self.keep.append(Kept(chunk, payload, self.tracks, time.monotonic()))
            self.next += 1
            self.trim()
        self.wake()
        return self.next - 1

    def lose(self, count, reason):
        """So many chunks were never made, for instance because an encoder failed."""
        with self.changed:
            assert not self.welcome or self.to_send == self.next, "chunks wait to be sent"
            start, self.next = self.next, self.next + count
            self.keep.clear()
            position = self.schema.Position
            self.commands.append(self.schema.make(
                "Gap", **{"from": position(epoch=self.epoch, sequence=start)},
                to=position(epoch=self.epoch, sequence=self.next), reason=reason))

    def finish(self):
        """Bye ENDED, once all is acknowledged."""
        self.finishing = True
        self.wake()

    def wait_acknowledged(self, sequence=None, timeout=client.TIMEOUT):
        wanted = self.next if sequence is None else sequence
        return self.wait(lambda: self.acknowledged >= wanted, f"Ack of {wanted}", timeout)

    @property
    def first(self):
        """The number of the oldest chunk that is kept."""
        return self.next - len(self.keep)

    # In the thread.

    def newest_sync(self):
        return next((index for index in reversed(range(len(self.keep)))
                     if self.keep[index].chunk.sync), None)

    def trim(self):
        """Drops what is old enough; what is not acknowledged only if the bytes do not suffice."""
        size = sum(len(kept.payload) for kept in self.keep)
        oldest = time.monotonic() - self.keep_seconds
        newest_sync = self.newest_sync()
        while self.keep:
            kept, too_many = self.keep[0], size > self.keep_bytes
            may_go = self.first < self.acknowledged and kept.made < oldest and newest_sync
            if not (may_go or (too_many and len(self.keep) > 1)):
                return
            self.dropped += self.first >= self.acknowledged
            newest_sync = newest_sync - 1 if newest_sync else newest_sync
            size -= len(kept.payload)
            self.keep.popleft()

    def on_connected(self, link):
        with self.changed:
            first = self.first
            sync = next((index for index, kept in enumerate(self.keep) if kept.chunk.sync), None)
            if sync is None:
                hello = {"first_sequence": self.next, "sync_sequence": self.next}
                tracks = self.tracks
                first = self.next
            else:
                hello = {"first_sequence": first, "sync_sequence": first + sync}
                tracks = self.keep[sync].tracks
            link.send(hello=self.schema.make(
                "Hello", token=self.token, epoch=self.epoch, tracks=tracks,
                next_sequence=self.next, **({"stream": self.stream} if self.stream else {}),
                **hello))
            said = tracks and self.schema.has("Hello", "tracks")
            self.announced = tracks.version if said else None
            self.offered = first, self.next

    def on_disconnected(self):
        with self.changed:
            self.welcome, self.to_send = False, None
            self.changed.notify_all()

    def on_message(self, link, name, message, payload):
        if name == "welcome":
            assert not self.welcome, "a second Welcome"
            assert self.offered[0] <= message.next_sequence <= self.offered[1], (
                f"asked for {message.next_sequence}, offered {self.offered}")
            assert 0 < len(message.token) <= 512
            self.token, self.to_send = message.token, message.next_sequence
            self.asked.append(message.next_sequence)
            self.welcome = True
            self.failures = 0
            self.connections += 1
        elif name == "ack":
            assert self.welcome, "an Ack before Welcome"
            received = message.received
            assert received.epoch == self.epoch and received.sequence <= self.to_send, message
            # A relay that has lost its memory has less than the one before it.
            self.acknowledged = max(self.acknowledged, received.sequence)
            if self.schema.has("Ack", "durable"):
                self.durable = message.durable.sequence
            self.acks.append((time.monotonic(), received.sequence))
        elif name is not None:
            raise AssertionError(f"{name} to a publisher")

    def on_writable(self, link):
        with self.changed:
            self.trim()
            while self.welcome and self.commands:
                gap = self.commands.popleft()
                link.send(gap=gap)
                self.to_send = gap.to.sequence
            while self.welcome and self.to_send < self.next and len(link.unsent) < UNSENT_MAX:
                if self.to_send < self.first:
                    if not self.skip(link):
                        break
                    continue
                kept = self.keep[self.to_send - self.first]
                if kept.tracks.version != self.announced:
                    link.send(tracks=kept.tracks)
                    self.announced = kept.tracks.version
                link.send(self.on_the_way(kept.payload), chunk=kept.chunk)
                self.sent += 1
                self.repeated += self.to_send < self.sent_ever
                self.to_send += 1
                self.sent_ever = max(self.sent_ever, self.to_send)

    def on_the_way(self, payload):
        """The payload; with one bit wrong if the test wants it so."""
        if self.damage is None:
            return payload
        at, self.damage = self.damage % (8 * len(payload)), None
        return xor_bit(payload, at)

    def skip(self, link):
        """What was asked for is dropped: go on at a sync chunk, and say so."""
        sync = next((index for index, kept in enumerate(self.keep) if kept.chunk.sync), None)
        if sync is None:
            return False  # until there is one
        position = self.schema.Position
        to = self.first + sync
        link.send(gap=self.schema.make(
            "Gap", **{"from": position(epoch=self.epoch, sequence=self.to_send)},
            to=position(epoch=self.epoch, sequence=to), reason=self.schema.Gap.LOST,
            to_utc_us=self.keep[sync].chunk.utc_us))
        self.to_send = to
        return True

    def is_done(self, link):
        return self.finishing and self.welcome and self.acknowledged == self.next
