"""Fragmented MP4 as no muxer writes it: made by hand, or damaged (ISO/IEC 14496-12)."""

import mp4


def u16(value):
    return value.to_bytes(2, "big")


def u32(value):
    return (value % (1 << 32)).to_bytes(4, "big")


def u64(value):
    return (value % (1 << 64)).to_bytes(8, "big")


def box(kind, *payload, size=None):
    """`size`: what it says instead of the truth."""
    body = b"".join(payload)
    return u32(8 + len(body) if size is None else size) + kind.encode() + body


def large_box(kind, payload=b"", size=None):
    return u32(1) + kind.encode() + u64(16 + len(payload) if size is None else size) + payload


def full(kind, version, flags, *payload):
    return box(kind, bytes([version]), flags.to_bytes(3, "big"), *payload)


FTYP = box("ftyp", b"isom", bytes(4), b"iso6")


def vp9(width=64, height=48):
    """A sample entry whose samples may be any bytes."""
    return box("vp09", bytes(6), u16(1), bytes(16), u16(width), u16(height), bytes(14 + 32 + 4),
               full("vpcC", 1, 0, bytes(8)))


def avc(config):
    return box("avc1", bytes(6), u16(1), bytes(16), u16(64), u16(48), bytes(14 + 32 + 4),
               box("avcC", config))


def avcc(*sps, pps=b"\x68\xcb\x83\xcb\x20"):
    """With these sequence parameter sets."""
    return (b"\1\x42\xc0\x0a\xff" + bytes([0xE0 | len(sps)]) +
            b"".join(u16(len(one)) + one for one in sps) + b"\1" + u16(len(pps)) + pps)


def trak(number=1, *, timescale=1000, entry=None, edits=b""):
    stbl = box("stbl", full("stsd", 0, 0, u32(1), vp9() if entry is None else entry))
    return box("trak", full("tkhd", 0, 3, bytes(8), u32(number), bytes(68)), edits,
               box("mdia", full("mdhd", 0, 0, bytes(8), u32(timescale), u32(0), u16(0x55C4),
                                u16(0)),
                   full("hdlr", 0, 0, bytes(4), b"vide", bytes(13)), box("minf", stbl)))


def edit_list(*entries, count=None):
    """Of (duration, media time), in version 1."""
    rows = b"".join(u64(duration) + u64(time) + u32(0x10000) for duration, time in entries)
    return box("edts", full("elst", 1, 0, u32(len(entries) if count is None else count), rows))


def moov(*traks, timescale=1000, numbers=(1,), size=0, extends=True):
    """`size`, `duration`: a sample's, where its run does not say."""
    trexes = b"".join(full("trex", 0, 0, u32(number), u32(1), u32(10), u32(size), u32(0))
                      for number in numbers)
    return box("moov", full("mvhd", 0, 0, bytes(8), u32(timescale), bytes(84)),
               *(traks or (trak(),)), *((box("mvex", trexes),) if extends else ()))


def trun(count, sizes, *, offset=None):
    """A run of `count` samples, whatever it lists."""
    flags = (0x200 if sizes else 0) | (1 if offset is not None else 0)
    return full("trun", 0, flags, u32(count), *((u32(offset),) if offset is not None else ()),
                *map(u32, sizes))


def moof(*runs, track=1, time=0, flags=0x20000, fields=b"", reach=None):
    """The samples begin right behind its mdat's head; `reach` moves them by so much."""
    def build(offset):
        placed = [run(offset) if callable(run) else run for run in runs]
        return box("moof", full("mfhd", 0, 0, u32(1)), box(
            "traf", full("tfhd", 0, flags, u32(track), fields), full("tfdt", 1, 0, u64(time)),
            *placed))
    return build(len(build(0)) + 8 + (reach or 0))


def run(*sizes, count=None):
    return lambda offset: trun(len(sizes) if count is None else count, sizes, offset=offset)


def fragment(*sizes, **arguments):
    return moof(run(*sizes), **arguments) + box("mdat", bytes(sum(sizes)))


HEAD = FTYP + moov()


def nested(depth):
    """Boxes in boxes in boxes."""
    inner = b""
    for _ in range(depth):
        inner = box("trak", inner)
    return inner


def fragments(data):
    """What comes before the first fragment of a clip, then each fragment with its mdat."""
    tops = list(mp4.boxes(data))
    starts = [one.start for one in tops if one.kind == b"moof"]
    ends = starts[1:] + [next((one.start for one in tops if one.kind == b"mfra"), len(data))]
    return data[:starts[0]], [data[start:end] for start, end in zip(starts, ends)]


def find(data, kind, *, start=0):
    """Where the payload of the first box of that kind begins, anywhere in `data`."""
    return data.index(kind.encode(), start) + 4


def patched(data, place, new):
    return data[:place] + new + data[place + len(new):]


def with_times(data, time):
    """The tfdt of each traf becomes `time(old, timescale, number of the fragment)`."""
    out, movie = bytearray(data), mp4.Movie(data)
    moofs = [top for top in movie.top if top.kind == b"moof"]
    for index, top in enumerate(moofs):
        for traf in mp4.inside(data, top, b"traf"):
            tfhd = mp4.inside(data, traf, b"tfhd")[0]
            scale = movie.tracks[mp4.number(data[tfhd.body + 4:tfhd.body + 8])].timescale
            tfdt = mp4.inside(data, traf, b"tfdt")[0]
            width = 8 if data[tfdt.body] else 4
            old = mp4.number(data[tfdt.body + 4:tfdt.body + 4 + width])
            new = time(old, scale, index).to_bytes(width, "big")
            out[tfdt.body + 4:tfdt.body + 4 + width] = new
    return bytes(out)


def without_sync(data):
    """Every run says of every sample that it is none to begin with."""
    out, at = bytearray(data), 0
    for top in mp4.boxes(data):
        if top.kind != b"moof":
            continue
        for traf in mp4.inside(data, top, b"traf"):
            for one in mp4.inside(data, traf, b"trun"):
                flags = mp4.number(data[one.body + 1:one.body + 4])
                count, at = mp4.number(data[one.body + 4:one.body + 8]), one.body + 8
                at += 4 if flags & 1 else 0
                if flags & 4:
                    out[at:at + 4] = u32(0x10000)
                    at += 4
                fields = [bit for bit in (0x100, 0x200, 0x400, 0x800) if flags & bit]
                if 0x400 in fields:
                    for row in range(count):
                        place = at + 4 * (len(fields) * row + fields.index(0x400))
                        out[place:place + 4] = u32(0x10000)
    return bytes(out)
