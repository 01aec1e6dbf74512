"""Just enough fragmented MP4 to judge what the relay delivers (ISO/IEC 14496-12, 8.8)."""

import dataclasses
import fractions

CONTAINERS = {b"moov", b"trak", b"mdia", b"minf", b"stbl", b"mvex", b"moof", b"traf", b"edts"}
CODECS = {"avc1": "h264", "avc3": "h264", "hvc1": "h265", "hev1": "h265", "av01": "av1",
          "vp09": "vp9", "mp4a": "aac", "Opus": "opus", ".mp3": "mp3"}
NOT_SYNC = 0x10000


def number(data):
    return int.from_bytes(data, "big")


@dataclasses.dataclass(frozen=True)
class Box:
    kind: bytes
    start: int
    body: int   # where what is in it begins
    end: int


def boxes(data, start=0, end=None):
    """The boxes that `data` consists of from `start` to `end`; fails if it ends inside one."""
    end = len(data) if end is None else end
    while start < end:
        size, header = number(data[start:start + 4]), 8
        if size == 1:
            size, header = number(data[start + 8:start + 16]), 16
        kind = bytes(data[start + 4:start + 8])
        assert header <= size <= end - start, f"{kind} at {start}: {size} of {end - start} bytes"
        yield Box(kind, start, start + header, start + size)
        start += size


def whole_boxes(data):
    """The boxes on top of what somebody has received until now; not the one that is coming."""
    found, start = [], 0
    while len(data) - start >= 16:
        size = number(data[start:start + 4])
        size = number(data[start + 8:start + 16]) if size == 1 else size
        if size > len(data) - start:
            break
        found.extend(boxes(data, start, start + size))
        start += size
    return found


def inside(data, box, *path):
    """The boxes of one kind that a path of box types leads to."""
    found = [box]
    for kind in path:
        found = [child for parent in found for child in boxes(data, parent.body, parent.end)
                 if child.kind == kind]
    return found


def full(data, box):
    """Version, flags and what follows them."""
    return data[box.body], number(data[box.body + 1:box.body + 4]), data[box.body + 4:box.end]


@dataclasses.dataclass
class Track:
    number: int
    kind: str
    timescale: int
    entry: str          # the type of its sample entry
    width: int
    height: int
    config: bytes       # avcC, hvcC …; of AAC the AudioSpecificConfig
    defaults: tuple = (0, 0, 0)  # duration, size, flags of trex
    samples: list = dataclasses.field(default_factory=list)

    @property
    def codec_string(self):
        """As Media Source Extensions want it (RFC 6381)."""
        if self.entry in ("avc1", "avc3"):
            return f"{self.entry}.{self.config[1:4].hex().upper()}"
        assert self.entry == "mp4a", f"no codec string for {self.entry}"
        return f"mp4a.40.{self.config[0] >> 3}"


@dataclasses.dataclass(frozen=True)
class Sample:
    dts: int
    pts: int
    duration: int
    size: int
    sync: bool
    offset: int
    fragment: int       # the number of its moof, from 0


def descriptors(data):
    """Tag → body, of MPEG-4 descriptors and those inside them (ISO/IEC 14496-1, 7.2.6)."""
    found, at = {}, 0
    while at < len(data):
        tag, size, at = data[at], 0, at + 1
        while True:
            byte, at = data[at], at + 1
            size = size << 7 | byte & 0x7F
            if byte < 0x80:
                break
        body = data[at:at + size]
        found[tag] = body
        inner = {3: body[3:], 4: body[13:]}.get(tag)
        found.update(descriptors(inner) if inner else {})
        at += size
    return found


def read_entry(data, entry, kind):
    """(the box type of a sample entry, width, height, configuration)"""
    name = entry.kind.decode()
    if kind == "video":
        width, height = (number(data[entry.body + at:entry.body + at + 2]) for at in (24, 26))
        configs = {box.kind: data[box.body:box.end]
                   for box in boxes(data, entry.body + 78, entry.end)}
        config = next((configs[one] for one in (b"avcC", b"hvcC", b"av1C", b"vpcC")
                       if one in configs), b"")
        return name, width, height, bytes(config)
    for box in boxes(data, entry.body + 28, entry.end):
        if box.kind == b"esds":
            found = descriptors(bytes(full(data, box)[2]))
            if found[4][0] in (0x69, 0x6B):
                return ".mp3", 0, 0, b""
            return name, 0, 0, found.get(5, b"")
        if box.kind == b"dOps":
            return name, 0, 0, bytes(data[box.body:box.end])
    return name, 0, 0, b""


def read_track(data, trak):
    version, _, rest = full(data, inside(data, trak, b"tkhd")[0])
    identity = number(rest[16:20] if version else rest[8:12])
    version, _, rest = full(data, inside(data, trak, b"mdia", b"mdhd")[0])
    timescale = number(rest[16:20] if version else rest[8:12])
    _, _, rest = full(data, inside(data, trak, b"mdia", b"hdlr")[0])
    kind = {b"vide": "video", b"soun": "audio"}.get(bytes(rest[4:8]), "other")
    table = inside(data, trak, b"mdia", b"minf", b"stbl", b"stsd")[0]
    entry = next(boxes(data, table.body + 8, table.end))
    return Track(identity, kind, timescale, *read_entry(data, entry, kind))


class Movie:
    """A fragmented MP4; fails on what is not in order or, unless it may be `cut`, not whole."""

    def __init__(self, data, *, cut=False):
        self.data = bytes(data)
        self.top = whole_boxes(self.data) if cut else list(boxes(self.data))
        if cut and self.top[-1].kind == b"moof":
            self.top.pop()
        kinds = [box.kind for box in self.top]
        assert kinds[:2] == [b"ftyp", b"moov"], f"it begins with {kinds[:2]}"
        assert kinds.count(b"moov") == 1 and kinds.count(b"ftyp") == 1
        self.init_bytes = self.top[1].end
        self.tracks = {}
        for trak in inside(self.data, self.top[1], b"trak"):
            track = read_track(self.data, trak)
            self.tracks[track.number] = track
        for trex in inside(self.data, self.top[1], b"mvex", b"trex"):
            fields = [number(full(self.data, trex)[2][at:at + 4]) for at in range(0, 20, 4)]
            self.tracks[fields[0]].defaults = tuple(fields[2:5])
        self.fragments, self.sequences = 0, []
        for at, box in enumerate(self.top):
            if box.kind == b"moof":
                assert kinds[at + 1:at + 2] == [b"mdat"], f"a moof at {box.start} without its mdat"
                self.read_fragment(box, self.top[at + 1])

    def of(self, kind):
        """The first track of that kind, or None."""
        return next((track for track in self.tracks.values() if track.kind == kind), None)

    def read_fragment(self, moof, mdat):
        self.sequences.append(number(full(self.data, inside(self.data, moof, b"mfhd")[0])[2][:4]))
        claimed = []
        for traf in inside(self.data, moof, b"traf"):
            self.read_track_fragment(moof, traf, claimed)
        end = mdat.body
        for start, size in sorted(claimed):
            assert end <= start <= mdat.end - size, f"the sample at {start} is not in the mdat"
            end = start + size
        self.fragments += 1

    def read_track_fragment(self, moof, traf, claimed):
        _, flags, rest = full(self.data, inside(self.data, traf, b"tfhd")[0])
        track = self.tracks[number(rest[:4])]
        base, at, values = moof.start, 4, list(track.defaults)
        if flags & 1:
            base, at = number(rest[4:12]), 12
        at += 4 if flags & 2 else 0
        for index, bit in enumerate((8, 16, 32)):
            if flags & bit:
                values[index], at = number(rest[at:at + 4]), at + 4
        version, _, rest = full(self.data, inside(self.data, traf, b"tfdt")[0])
        dts = number(rest[:8] if version else rest[:4])
        offset = base
        for trun in inside(self.data, traf, b"trun"):
            dts, offset = self.read_run(trun, track, values, dts, base, offset, claimed)

    def read_run(self, trun, track, values, dts, base, offset, claimed):
        version, flags, rest = full(self.data, trun)
        words = [rest[at:at + 4] for at in range(0, len(rest), 4)]
        count, at, first_flags = number(words[0]), 1, None
        if flags & 1:
            offset, at = base + int.from_bytes(words[1], "big", signed=True), 2
        if flags & 4:
            first_flags, at = number(words[at]), at + 1
        for index in range(count):
            sample, shift = list(values), 0
            if index == 0 and first_flags is not None:
                sample[2] = first_flags
            for field, bit in enumerate((0x100, 0x200, 0x400)):
                if flags & bit:
                    sample[field], at = number(words[at]), at + 1
            if flags & 0x800:
                shift, at = int.from_bytes(words[at], "big", signed=version > 0), at + 1
            track.samples.append(Sample(dts, dts + shift, sample[0], sample[1],
                                        not sample[2] & NOT_SYNC, offset, self.fragments))
            claimed.append((offset, sample[1]))
            dts, offset = dts + sample[0], offset + sample[1]
        return dts, offset


def seconds(track, ticks):
    return fractions.Fraction(ticks, track.timescale)
