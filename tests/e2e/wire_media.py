"""What wire cameras publish: real frames cut into chunks, again and again, at their own pace."""

import contextlib
import fractions
import itertools
import random
import threading
import time

import client
import mp4
import wire_client

BEGIN_SECONDS = 10  # no time is ever negative, whatever B-frames do
CODECS = {"video": {"avc1": b"h264", "hvc1": b"h265", "hev1": b"h265"}, "audio": {"mp4a": b"aac"}}
PARAMETER_SETS = {"h264": (7, 8), "h265": (32, 33, 34)}


class Piece:
    """One chunk of the clip, without its place in time. `samples`: (track, dts, offset, duration,
    sync, bytes)."""

    def __init__(self, samples, sync):
        self.samples, self.sync = samples, sync
        self.payload = b"".join(sample[5] for sample in samples)


class Clip:
    """A fragmented MP4 as the wire carries it: a video frame and the audio before it are a chunk;
    without video each audio frame is one."""

    def __init__(self, clip):
        movie = mp4.Movie(clip.data)
        self.tracks = list(movie.tracks.values())
        self.seconds = fractions.Fraction(clip.seconds)  # of one round
        self.pieces = list(self.cut(movie))
        self.frames = len(self.pieces)

    def cut(self, movie):
        samples = []
        for index, track in enumerate(self.tracks):
            for one in track.samples:
                data = movie.data[one.offset:one.offset + one.size]
                if one.sync and track.kind == "video":
                    data = with_parameter_sets(data, track)
                samples.append((mp4.seconds(track, one.dts), track.kind == "video", index, one,
                                data))
        samples.sort(key=lambda sample: sample[:2])
        audio_only = all(track.kind == "audio" for track in self.tracks)
        pending = []
        for _, is_video, index, one, data in samples:
            pending.append((index, one.dts, one.pts - one.dts, one.duration, one.sync, data))
            if is_video or audio_only:
                yield Piece(pending, one.sync)
                pending = []
        if pending:
            yield Piece(pending, False)

    def wire_tracks(self, schema):
        found = []
        for track in self.tracks:
            fields = {"codec": CODECS[track.kind][track.entry], "timescale": track.timescale,
                      "config": track.config, "language": b"und"}
            if track.kind == "video":
                fields.update(width=track.width, height=track.height)
            else:
                fields.update(sample_rate=track.timescale, channels=track.config[1] >> 3 & 15)
            found.append(schema.make("Track", **fields))
        return found

    def endless(self, schema):
        """(samples, payload, sync, seconds since the first) of chunk after chunk."""
        for round_number in itertools.count():
            shifts = [round_number * self.round_ticks(track) + BEGIN_SECONDS * track.timescale
                      for track in self.tracks]
            for number, piece in enumerate(self.pieces):
                samples = [schema.make("Sample", track=track, dts=dts + shifts[track],
                                       pts_offset=offset, duration=duration, sync=sync,
                                       size=len(data))
                           for track, dts, offset, duration, sync, data in piece.samples]
                since = (round_number + number / self.frames) * float(self.seconds)
                yield samples, piece.payload, piece.sync, since

    def round_ticks(self, track):
        # Audio lasts as long as it lasts; a round begins where neither track goes back.
        longest = max(mp4.seconds(one, one.samples[-1].dts + one.samples[-1].duration
                                  - one.samples[0].dts) for one in self.tracks)
        return int(max(longest, self.seconds) * track.timescale)


class Noise:
    """Tracks of a clip, and frames that are large and mean nothing; each group is a second long."""

    def __init__(self, clip, bytes_each, *, rate=25):
        self.clip, self.rate = clip, rate
        rng = random.Random(1)
        # Of each kind a few, so that their checksums are made once.
        self.sync, self.other = ([nal(kind, rng.randbytes(bytes_each)) for _ in range(4)]
                                 for kind in (5, 1))

    def wire_tracks(self, schema):
        return self.clip.wire_tracks(schema)

    def endless(self, schema):
        track = next(index for index, one in enumerate(self.clip.tracks) if one.kind == "video")
        step = self.clip.tracks[track].timescale // self.rate
        begin = BEGIN_SECONDS * self.clip.tracks[track].timescale
        for number in itertools.count():
            sync = number % self.rate == 0
            payload = (self.sync if sync else self.other)[number % 4]
            sample = schema.make("Sample", track=track, dts=begin + number * step, duration=step,
                                 sync=sync, size=len(payload))
            yield [sample], payload, sync, number / self.rate


def nal(kind, data):
    # No zeroes, so that nothing in it looks like a start code.
    body = bytes([0x60 | kind]) + data.replace(b"\0", b"\1")
    return len(body).to_bytes(4, "big") + body


def units(data):
    """NAL units, each behind its length in four bytes."""
    at = 0
    while at < len(data):
        size = int.from_bytes(data[at:at + 4], "big")
        yield data[at + 4:at + 4 + size]
        at += 4 + size


def with_parameter_sets(data, track):
    """The wire has them before every sync sample; files may have them in the configuration only."""
    if track.entry != "avc1" or any(unit[0] & 31 == 7 for unit in units(data)):
        return data
    config, at, found = track.config, 5, b""
    for mask in (0x1F, 0xFF):
        count, at = config[at] & mask, at + 1
        for _ in range(count):
            size = int.from_bytes(config[at:at + 2], "big")
            found += size.to_bytes(4, "big") + config[at + 2:at + 2 + size]
            at += 2 + size
    return found + data


class Filming:
    """Gives a camera chunk after chunk, at `speed` times their pace, in a thread."""

    def __init__(self, camera, clip, *, speed=1.0, chunks=None):
        self.camera, self.clip, self.speed, self.limit = camera, clip, speed, chunks
        self.added = {}      # number → (samples, payload)
        self.utcs = {}       # number → when it was filmed, in microseconds
        self.stopping = threading.Event()
        self.done = threading.Event()
        camera.set_tracks(clip.wire_tracks(camera.schema))
        self.thread = threading.Thread(target=self.run, daemon=True)

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.stop()

    def run(self):
        began = time.monotonic()
        for count, (samples, payload, sync, since) in enumerate(
                self.clip.endless(self.camera.schema)):
            if count == self.limit:
                break
            if self.stopping.wait(max(0.0, began + since / self.speed - time.monotonic())):
                break
            self.added[self.camera.next] = samples, payload  # before it can be delivered
            self.utcs[self.camera.next] = time.time_ns() // 1000
            self.camera.add(samples, payload, sync=sync, utc_us=self.utcs[self.camera.next])
        self.done.set()

    def stop(self):
        """No more chunks; the camera goes on sending those that there are."""
        self.stopping.set()
        self.thread.join(10)

    def wait(self, timeout=client.TIMEOUT):
        """Until all `chunks` are made."""
        assert self.done.wait(timeout), "the camera still films"

    def check_payload(self, chunks):
        """What was delivered is what was filmed."""
        for one in chunks:
            samples, payload = self.added[one.sequence]
            assert one.payload == payload, f"other payload in chunk {one.sequence}"
            assert list(one.chunk.samples) == samples, f"other samples in chunk {one.sequence}"


@contextlib.contextmanager
def live(port, clip, path="/live/cam", *, speed=4.0, chunks=None, **camera):
    """A camera that films: (camera, filming)."""
    with wire_client.Camera(port, path, **camera) as one:
        with Filming(one, clip, speed=speed, chunks=chunks) as filming:
            yield one, filming
