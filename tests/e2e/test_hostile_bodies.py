"""Bodies that no encoder sends: each ends with its reason or goes on at the next keyframe, counted
by reason; memory stays bounded and comes back; a healthy stream beside them never notices."""

import dataclasses
import re
import socket
import threading
from typing import Callable, Mapping, Optional

import pytest

import bad_mp4
import bad_ts
import client
import hostile
import mp4
import mpegts
import relay as relay_module

pytestmark = pytest.mark.release

MIB = 1 << 20
HOUR = 3600
# A body longer than this may be reset before all of it is thrown away.
LINGER_BYTES = MIB // 2
# Memory of the process besides the arena, over what it was before the first case. A sanitizer keeps
# what was freed.
IS_SANITIZED = relay_module.is_address_sanitized()
MEMORY_MAX = (1024 if IS_SANITIZED else 40) * MIB
# Blocks of the healthy stream, whose tail is a second, and of what a worker has at hand.
BLOCKS_SLACK = 24


@dataclasses.dataclass(frozen=True)
class Body:
    """A body and what becomes of it. `make(clips)` gives its bytes, or a function that sends
    them; `end`: the reason in log and metric; `detail`: a pattern for the text that the client
    gets and the log has; `faults`: how often each was counted, None for any number; `recovers`:
    a viewer gets all from the clip's last keyframe on. `framed`: it is a chunked body as it
    stands, not its payload. `is_empty`: nothing of it can be watched.
    """
    name: str
    container: str
    make: Callable
    end: str = "finished"
    detail: str = ""
    faults: Mapping[str, Optional[int]] = dataclasses.field(default_factory=dict)
    recovers: bool = False
    framed: bool = False
    is_empty: bool = False


class Clips:
    def __init__(self, media):
        self.ts = media.plain.watched_from_start
        self.mp4 = media.in_container("plain", "mp4").data
        self.head, self.fragments = bad_mp4.fragments(self.mp4)


def ts(name, make, **arguments):
    return Body(name, "ts", make, **arguments)


def box(name, make, **arguments):
    return Body(name, "mp4", make, **arguments)


def refused(name, container, make, detail, **arguments):
    return Body(name, container, make, end="bad_media", detail=detail, **arguments)


def bad_ts_body(name, make, detail):
    return refused(name, "ts", make, detail)


def bad_box(name, make, detail, **arguments):
    return refused(name, "mp4", make, detail, **arguments)


def framing(name, make, detail, **arguments):
    return Body(name, "ts", make, framed=True, end="bad_body", detail=detail, **arguments)


def chunk(data):
    return b"%x\r\n%b\r\n" % (len(data), data)


def in_chunks(data, size):
    return b"".join(chunk(data[at:at + size]) for at in range(0, len(data), size)) + b"0\r\n\r\n"


def then_clip(make):
    """The body, and behind it the clip: what comes must be found again."""
    return lambda clips: make(clips) + clips.ts


def every(step, change):
    return lambda clips: bad_ts.changed(
        clips.ts, lambda one, number: change(one) if number % step == step - 1 else one)


def byte_at(place, value):
    def change(one):
        one[place] = value
        return one
    return change


TS_PACKETS = [
    bad_ts_body("text", lambda clips: b"not a video. " * 8000, "no MPEG-TS packets found"),
    bad_ts_body("short text", lambda clips: b"not a video", "no MPEG-TS packets found"),
    bad_ts_body("zeros", lambda clips: bytes(100_000), "no MPEG-TS packets found"),
    bad_ts_body("sync bytes only", lambda clips: b"\x47" * 2 * MIB, "no program association table"),
    bad_ts_body("no PAT", lambda clips: b"".join(
        one for one in mpegts.packets(clips.ts) if mpegts.pid_of(one) != 0) * 4,
                "no program association table"),
    bad_ts_body("a little without PAT", lambda clips: bad_ts.packet(300, b"x" * 184) * 10,
                "no program association table"),
    bad_ts_body("null packets only", lambda clips: bad_ts.packet(bad_ts.NULL_PID, b"") * 6000,
                "no program association table"),
    bad_ts_body("an MP4 under another name", lambda clips: clips.mp4, "no MPEG-TS packets found"),
    ts("10 000 packets of 8 000 PIDs", lambda clips: bad_ts.flood_of_pids(clips.ts, 10_000),
       faults={"too_many_pids": None}),
    # Almost 4 MiB, so that they are three of 1 MiB also where 10 ms of the sender's silence end a
    # piece in between (reader_bounds_test.cpp); alone, so that it is not silent again and again.
    pytest.param(ts("a frame of 3 MiB without end",
                    lambda clips: bad_ts.endless_pes(4 * MIB // 188 - 100) + clips.ts,
                    faults={"long_frame": 3, "packets_lost": None}, recovers=True),
                 marks=pytest.mark.alone),
    ts("lost sync", every(50, byte_at(0, 0x46)),
       faults={"sync_lost": None, "packets_lost": None}),
    ts("bytes between packets", every(40, lambda one: one + b"junk"), faults={"sync_lost": None},
       recovers=True),
    ts("junk in front", lambda clips: b"\x47junk" * 99 + clips.ts, recovers=True),
    ts("lost packets", every(10, lambda one: None), faults={"packets_lost": None}),
    ts("error bits", every(10, lambda one: byte_at(1, one[1] | 0x80)(one)),
       faults={"bad_packet": None}),
    ts("adaptation fields longer than packets", every(10, lambda one: byte_at(4, 0xFF)(
        byte_at(3, one[3] | 0x30)(one))),
       faults={"bad_packet": None, "bad_pes": None}),
    ts("packets without payload or field", every(10, lambda one: byte_at(3, one[3] & 0x0F)(one)),
       faults={"packets_lost": None, "bad_pes": None}),
    ts("small frames with large join images", lambda clips: bad_ts.small_audio(20_000, 20)),
    ts("cut inside a packet", lambda clips: clips.ts[:-100], faults={"cut": 1}),
]

STREAMS_17 = [(mpegts.AAC, 0x100 + number) for number in range(17)]

TS_TABLES = [
    bad_ts_body("17 tracks", lambda clips: bad_ts.pat() + bad_ts.pmt(STREAMS_17) + clips.ts,
                "the program has more than 16 tracks"),
    ts("a PAT with a wrong CRC", then_clip(lambda clips: bad_ts.pat(crc=b"CRC!") * 2),
       faults={"bad_section": 1}, recovers=True),
    ts("a PMT with a wrong CRC", then_clip(lambda clips: bad_ts.pat() + bad_ts.pmt(crc=b"CRC!")),
       faults={"bad_section": 1}, recovers=True),
    ts("a section longer than one may be", then_clip(lambda clips: bad_ts.pat(length=1022)),
       faults={"bad_section": 1}, recovers=True),
    ts("a section longer than its packet", then_clip(lambda clips: bad_ts.pat(length=1000)),
       recovers=True),
    ts("a section shorter than its head", then_clip(lambda clips: bad_ts.pat(length=3)),
       recovers=True),
    ts("a pointer behind the packet",
       then_clip(lambda clips: bad_ts.packet(0, b"\xff" * 184, 15, start=True)),
       faults={"bad_section": 1}, recovers=True),
    ts("a PMT whose descriptors are longer than it",
       then_clip(lambda clips: bad_ts.pat() + bad_ts.pmt(info_length=0xFFF)),
       faults={"bad_section": 1}, recovers=True),
    ts("a PAT without programs", then_clip(lambda clips: bad_ts.pat(())), recovers=True),
    ts("a PAT of 100 programs",
       then_clip(lambda clips: b"".join(bad_ts.pat([(number, number + 32) for number in range(
           start, start + 40)], counter=13 + start // 40) for start in (1, 41, 81))),
       faults={"too_many_pids": None}, recovers=True),
    ts("a PAT whose PMT is itself", then_clip(lambda clips: bad_ts.pat(((1, 0), (2, 0x1FFF)))),
       recovers=True),
    ts("another PMT with every packet", lambda clips: b"".join(
        bad_ts.pat(counter=number) + bad_ts.pmt(((mpegts.H264, 0x100 + number % 7),), number,
                                                version=number % 32)
        for number in range(16000)) + clips.ts, faults={"long_frame": None}, recovers=True),
]

TS_FRAMES = [
    ts("a PES longer than it is", lambda clips: b"".join(
        (bad_ts.pat(), bad_ts.pmt()) + tuple(
            bad_ts.packet(bad_ts.VIDEO, bad_ts.pes_head(length=5000, pts=number * 3600)
                          + b"\0\0\1\x65", number, start=True) for number in range(50))),
       faults={"bad_pes": 49, "no_keyframe": None}),
    ts("a PES shorter than it is", lambda clips: b"".join(
        (bad_ts.pat(), bad_ts.pmt()) + tuple(
            bad_ts.packet(bad_ts.VIDEO, bad_ts.pes_head(length=20, pts=number * 3600)
                          + b"\0\0\1\x65" + b"\xa5" * 166, 2 * number, start=True)
            + bad_ts.packet(bad_ts.VIDEO, b"\xa5" * 184, 2 * number + 1)
            for number in range(50))),
       faults={"bad_pes": 1}),
    ts("a PES without a start code", every(1, lambda one: byte_at(
        mpegts.PACKET - len(mpegts.payload_of(one)) + 2, 9)(one)
        if mpegts.starts_unit(one) and mpegts.pid_of(one) > 0x1F
        and mpegts.pid_of(one) != 0x1000 else one),
       faults={"bad_pes": None}),
    ts("no keyframe ever", lambda clips: without_keyframes(clips.ts),
       faults={"no_keyframe": None}),
    ts("times of zero", lambda clips: bad_ts.with_times(clips.ts, lambda time: 0),
       faults={"bad_time": None}, recovers=False),
    ts("times that go back by hours", lambda clips: clips.ts + bad_ts.shifted(clips.ts, -9 * HOUR),
       faults={"clock_jump": 1, "packets_lost": None, "bad_time": 1}),
    ts("times that jump by hours", lambda clips: clips.ts + bad_ts.shifted(clips.ts, 9 * HOUR),
       faults={"clock_jump": 1, "packets_lost": None}),
    ts("times of every frame anywhere", lambda clips: bad_ts.with_times(
        clips.ts, lambda time: int(time * 25) * 0x12345678 % (1 << 33)),
       faults={"clock_jump": None}),
]


def without_keyframes(data):
    """Every keyframe's slices become those of other pictures."""
    pid = mpegts.video_pid(data)

    def change(one, _):
        if mpegts.pid_of(one) == pid:
            payload = mpegts.PACKET - len(mpegts.payload_of(one))
            one[payload:] = bytes(one[payload:]).replace(b"\0\0\1\x65", b"\0\0\1\x41")
        return one
    return bad_ts.changed(data, change)


def alone(*parts):
    """A whole body by hand."""
    return lambda clips: b"".join(parts)


def with_head(*parts):
    return alone(bad_mp4.HEAD, *parts)


BOXES = [
    bad_box("text", alone(b"not a video. " * 9000), "larger than 64 MiB"),
    bad_box("a TS under another name", lambda clips: clips.ts, "larger than 64 MiB|MP4"),
    bad_box("no moov", lambda clips: bad_mp4.FTYP + clips.fragments[0], "no movie header"),
    bad_box("ftyp only", alone(bad_mp4.FTYP), "no movie header"),
    bad_box("much before the moov", alone(bad_mp4.box("free", bytes(600_000)) * 2),
            "no movie header"),
    bad_box("mdat before moov", alone(bad_mp4.FTYP, bad_mp4.box("mdat", bytes(100))),
            "media data before the movie header"),
    bad_box("mdat without moof", with_head(bad_mp4.box("mdat", bytes(100))),
            "media data without a movie fragment"),
    bad_box("a file without fragments", alone(bad_mp4.FTYP, bad_mp4.moov(extends=False)),
            "no mvex box"),
    bad_box("a moov of more than 1 MiB", alone(bad_mp4.box("moov", size=(1 << 20) + 9)),
            "moov. is larger than 1 MiB"),
    bad_box("a moof of more than 4 MiB", with_head(bad_mp4.box("moof", size=(4 << 20) + 9)),
            "moof. is larger than 4 MiB"),
    bad_box("a box of more than 64 MiB", with_head(bad_mp4.box("free", size=(64 << 20) + 9)),
            "larger than 64 MiB"),
    bad_box("a box smaller than its head", with_head(bad_mp4.box("free", size=7)),
            "impossible size"),
    bad_box("a large box smaller than its head", with_head(bad_mp4.large_box("free", size=15)),
            "impossible size"),
    bad_box("a box of 2^64 - 1", with_head(bad_mp4.large_box("mdat", size=(1 << 64) - 1)),
            "impossible size"),
    bad_box("a box of 2^63", with_head(bad_mp4.large_box("free", size=1 << 63)), "impossible size"),
    bad_box("a moov to the end", alone(bad_mp4.box("moov", bytes(100), size=0)), "impossible size"),
    bad_box("a box longer than its box", alone(bad_mp4.FTYP, bad_mp4.box(
        "moov", bad_mp4.box("mvhd", bytes(100), size=5000))), "ends before what it must hold"),
    bad_box("boxes nested 2 000 deep", alone(bad_mp4.FTYP, bad_mp4.moov(bad_mp4.nested(2000))),
            "misses its tkhd"),
    ]

MOVIES = [
    bad_box("17 tracks", alone(bad_mp4.FTYP, bad_mp4.moov(*map(bad_mp4.trak, range(1, 18)))),
            "more than 16 tracks"),
    bad_box("two tracks of one number", alone(bad_mp4.moov(bad_mp4.trak(1), bad_mp4.trak(1))),
            "zero or used twice"),
    bad_box("a track of number zero", alone(bad_mp4.moov(bad_mp4.trak(0))), "zero or used twice"),
    bad_box("a timescale of zero", alone(bad_mp4.moov(bad_mp4.trak(timescale=0))),
            "timescale is zero"),
    bad_box("a movie timescale of zero", alone(bad_mp4.moov(timescale=0)), "timescale is zero"),
    bad_box("a timescale of 2^32 - 1", alone(bad_mp4.moov(bad_mp4.trak(timescale=(1 << 32) - 1))),
            "above 2.30"),
    bad_box("an edit list of 2^32 - 1 entries", alone(bad_mp4.moov(bad_mp4.trak(
        edits=bad_mp4.edit_list((10, 0), count=(1 << 32) - 1)))), "ends before what it must hold"),
    bad_box("an edit of 2^63 ticks", alone(bad_mp4.moov(bad_mp4.trak(
        edits=bad_mp4.edit_list(((1 << 63), -1), (1, 0))))), "beyond 136 years"),
    bad_box("an edit that begins after the end of time", alone(bad_mp4.moov(bad_mp4.trak(
        edits=bad_mp4.edit_list((1, (1 << 62)))))), "beyond 136 years"),
    bad_box("no decoder configuration", alone(bad_mp4.moov(bad_mp4.trak(
        entry=bad_mp4.avc(b"\1\2\3")))), "missing or makes no sense"),
    bad_box("parameter sets of 9 KiB", alone(bad_mp4.moov(bad_mp4.trak(entry=bad_mp4.avc(
        bad_mp4.avcc(b"\x67\x42\xc0\x0a" + bytes(9000)))))), "larger than 4 KiB|makes no sense"),
    box("the moov again before each fragment", lambda clips: b"".join(
        clips.head + one for one in clips.fragments), recovers=True),
    box("another moov before each fragment", lambda clips: b"".join(
        bad_mp4.HEAD + bad_mp4.fragment(5, 6, time=number) + clips.head + one
        for number, one in enumerate(clips.fragments))),
]

ENTRY_SPS_HUGE = bad_mp4.avcc(
    b"\x67\x42\xc0\x0a\xf8\0\0\x80\0\0\0\x80\0\0\0\x80\0")

FRAGMENTS = [
    bad_box("a run of 2^32 - 1 samples", with_head(bad_mp4.moof(bad_mp4.run(
        5, count=(1 << 32) - 1))), "ends before what it must hold"),
    box("a run of 2^32 - 1 samples of nothing", with_head(bad_mp4.moof(bad_mp4.run(
        count=(1 << 32) - 1))), faults={"bad_sample": (1 << 32) - 1}, is_empty=True),
    bad_box("runs of 2^32 - 1 samples that last for ever", with_head(bad_mp4.moof(*(
        [bad_mp4.run(count=(1 << 32) - 1)] * 200), flags=0x20008, fields=bad_mp4.u32(0xFFFFFFFF))),
            "beyond 136 years"),
    bad_box("a run of 2^32 - 1 bytes", alone(bad_mp4.FTYP, bad_mp4.moov(size=1), bad_mp4.moof(
        bad_mp4.run(count=(1 << 32) - 1))), "more than 16384 samples"),
    bad_box("a sample of 17 MiB", with_head(bad_mp4.moof(bad_mp4.run(17 << 20))),
            "larger than 16 MiB"),
    bad_box("samples of more than 2^32 bytes", with_head(bad_mp4.moof(bad_mp4.run(
        *[15 << 20] * 300))), "end more than 64 MiB behind"),
    bad_box("samples before the mdat", with_head(bad_mp4.moof(bad_mp4.run(50), reach=-60),
                                                 bad_mp4.box("mdat", bytes(50))),
            "outside the media data"),
    bad_box("samples behind the mdat", with_head(bad_mp4.moof(bad_mp4.run(50), reach=100),
                                                 bad_mp4.box("mdat", bytes(50)),
                                                 bad_mp4.fragment(5)), "outside the media data"),
    bad_box("a sample over the end of the mdat", with_head(bad_mp4.moof(bad_mp4.run(50)),
                                                           bad_mp4.box("mdat", bytes(40))),
            "outside the media data"),
    bad_box("two moof for one mdat", with_head(bad_mp4.moof(bad_mp4.run(50)) * 2),
            "outside the media"),
    bad_box("samples that overlap", with_head(bad_mp4.moof(bad_mp4.run(50), bad_mp4.run(50)),
                                              bad_mp4.box("mdat", bytes(100))), "overlap"),
    bad_box("a place before the file", with_head(bad_mp4.moof(bad_mp4.run(5), reach=-(1 << 20))),
            "outside any file"),
    bad_box("a base offset of 2^63", with_head(bad_mp4.moof(
        bad_mp4.run(5), flags=1, fields=bad_mp4.u64(1 << 63))), "outside any file"),
    bad_box("a fragment of an unknown track", with_head(bad_mp4.fragment(5, track=7)),
            "a track that the movie header does not have"),
    bad_box("a second sample description", with_head(bad_mp4.moof(
        bad_mp4.run(5), flags=0x20002, fields=bad_mp4.u32(2))), "second sample description"),
    bad_box("a time after the end of time", with_head(bad_mp4.fragment(5, time=1 << 62)),
            "beyond 136 years"),
    box("lengths of NAL units that lie", lambda clips: spoil_samples(clips.mp4),
        faults={"bad_sample": None, "no_keyframe": None}),
    box("no keyframe ever", lambda clips: bad_mp4.without_sync(clips.mp4),
        faults={"no_keyframe": None}),
    box("times of zero", lambda clips: bad_mp4.with_times(clips.mp4, lambda old, scale, number: 0),
        faults={"bad_time": None}),
    box("times that jump by hours", lambda clips: bad_mp4.with_times(
        clips.mp4, lambda old, scale, number: old + (number > 2) * 9 * HOUR * scale),
        faults={"clock_jump": 1, "bad_time": None}),
    box("times that go back by hours", lambda clips: bad_mp4.with_times(
        clips.mp4, lambda old, scale, number: old + (number < 3) * 9 * HOUR * scale),
        faults={"clock_jump": 1, "bad_time": None}),
    box("a picture of absurd size", lambda clips: alone(
        bad_mp4.FTYP, bad_mp4.moov(bad_mp4.trak(entry=bad_mp4.avc(ENTRY_SPS_HUGE))),
        bad_mp4.moof(bad_mp4.run(9)),
        bad_mp4.box("mdat", bad_mp4.u32(5) + b"\x65\x88\x84\0\1"))(clips)),
    box("16 384 samples of one byte", alone(bad_mp4.FTYP, bad_mp4.moov(
        bad_mp4.trak(timescale=90_000), size=1), bad_mp4.moof(
        bad_mp4.run(count=16384)), bad_mp4.box("mdat", bytes(16384)))),
    box("one small sample for each block of junk", with_head(*(
        bad_mp4.box("free", bytes(65500)) + bad_mp4.fragment(5, time=10 * number)
        for number in range(600)))),
    box("cut inside a moof", lambda clips: clips.mp4[:bad_mp4.find(clips.mp4, "moof") + 20],
        faults={"cut": 1}, is_empty=True),
    box("cut inside a sample", lambda clips: clips.mp4[:bad_mp4.find(clips.mp4, "mdat") + 5000],
        faults={"cut": None}, is_empty=True),
]


def spoil_samples(data):
    """The first NAL unit of each fragment says that it is longer than everything."""
    place = 0
    while (place := data.find(b"mdat", place)) >= 0:
        data = bad_mp4.patched(data, place + 4, b"\xff\xff\xff\xff")
        place += 8
    return data


CLIP_CHUNKED = lambda clips: in_chunks(clips.ts, 1316)  # noqa: E731

FRAMINGS = [
    framing("letters for a size", lambda clips: b"zz\r\n", "size line of a chunk is malformed"),
    framing("a negative size", lambda clips: b"-1\r\n", "size line of a chunk is malformed"),
    framing("a signed size", lambda clips: b"+5\r\nhello\r\n", "size line of a chunk is malformed"),
    framing("a size with 0x", lambda clips: b"0x10\r\n", "size line of a chunk is malformed"),
    framing("a size of 17 digits", lambda clips: b"00000000000000010\r\n",
            "size line .* malformed"),
    framing("a size beyond 64 bits", lambda clips: b"f" * 17 + b"\r\n", "size line .* malformed"),
    framing("no size", lambda clips: b"\r\n", "size line of a chunk is malformed"),
    framing("a size in front of a bare LF", lambda clips: b"5\nhello\n", "size line .* malformed"),
    framing("a CR inside a size", lambda clips: b"1\r5\r\n", "size line of a chunk is malformed"),
    framing("a NUL in an extension", lambda clips: b"5;a=\0b\r\n", "size line .* malformed"),
    framing("an extension without end", lambda clips: b"5;" + b"x" * 100_000, "line .* too long"),
    framing("no CRLF behind a chunk",
            lambda clips: b"%x\r\n%b" % (len(clips.ts), clips.ts) + b"188\r\n",
            "a chunk is longer than its size"),
    framing("a chunk longer than its size", lambda clips: b"bc\r\n" + clips.ts[:400] + b"\r\n",
            "a chunk is longer than its size"),
    framing("a huge trailer", lambda clips: b"0\r\n" + b"X-Trailer: yes\r\n" * 10_000 + b"\r\n",
            "the trailer is too large"),
    framing("a trailer that is a request", lambda clips: b"0\r\nGET / HTTP/1.1\r\n\r\n",
            "the trailer is malformed"),
    framing("a trailer line with a bare LF", lambda clips: b"0\r\nA: b\nC: d\r\n\r\n",
            "the trailer is malformed"),
    Body("chunks of one byte", "ts", lambda clips: in_chunks(clips.ts[:188 * 200], 1), framed=True),
    Body("an extension before every byte", "ts", lambda clips: b"".join(
        b"1;" + b"x" * 200 + b"\r\n%c\r\n" % byte for byte in clips.ts) + b"0\r\n\r\n", framed=True,
         recovers=True),
    Body("one byte at a time", "ts", lambda clips: drip(in_chunks(clips.ts[:188 * 40], 188)),
         framed=True),
    Body("extensions and trailers", "ts", lambda clips: b"%x;a=b;c=\"d\"\r\n%b\r\n" % (
        len(clips.ts), clips.ts) + b"0;last\r\nX-A: b\r\nX-C: d\r\n\r\n", framed=True,
         recovers=True),
]


def drip(data):
    def send(sock):
        for place in range(len(data)):
            sock.sendall(data[place:place + 1])
    return send


def mp4_until(kind, more):
    return lambda clips: chunk(clips.mp4[:bad_mp4.find(clips.mp4, kind) + more])


def ts_until(predicate, more):
    """Up to so many bytes of the fifth packet of that kind."""
    def make(clips):
        places = [number * 188 for number, one in enumerate(mpegts.packets(clips.ts))
                  if predicate(one)]
        return chunk(clips.ts[:places[4] + more])
    return make


# A packet or a box that is cut is counted.
CUT = {"cut": None}
# Where a body is cut: everything a reader can be in the middle of.
CUTS = [
    ("a chunk's size", "ts", {}, lambda clips: chunk(clips.ts[:1880]) + b"5"),
    ("an extension", "ts", {}, lambda clips: chunk(clips.ts[:1880]) + b"5;abc"),
    ("a chunk", "ts", CUT, lambda clips: b"ffffffffffffffff\r\n" + clips.ts[:5000]),
    ("the end of a chunk", "ts", {}, lambda clips: chunk(clips.ts[:1880])[:-1]),
    ("a trailer", "ts", {}, lambda clips: chunk(clips.ts[:1880]) + b"0\r\nX-Trail"),
    ("a packet's head", "ts", {**CUT, "no_keyframe": 1}, ts_until(lambda one: True, 2)),
    ("an adaptation field", "ts", CUT, ts_until(lambda one: one[3] & 0x20, 6)),
    ("a PAT", "ts", CUT, ts_until(lambda one: mpegts.pid_of(one) == 0, 11)),
    ("a PES head", "ts", CUT, ts_until(
        lambda one: mpegts.starts_unit(one) and mpegts.pid_of(one) == 0x100, 22)),
    ("a box's head", "mp4", CUT, mp4_until("moov", -3)),
    ("a moov", "mp4", CUT, mp4_until("moov", 100)),
    ("a moof's head", "mp4", CUT, mp4_until("moof", 0)),
    ("a moof", "mp4", CUT, mp4_until("moof", 50)),
    ("an mdat's head", "mp4", CUT, mp4_until("mdat", -2)),
    ("a NAL unit's length", "mp4", CUT, mp4_until("mdat", 2)),
    ("a sample", "mp4", CUT, mp4_until("mdat", 3000)),
]

UNKNOWN = [Body(f"unknown container .{one}", one, lambda clips: clips.ts, end="415",
                detail="") for one in ("mkv", "avi", "flv", "TS", "mp3", "ts.exe", "m3u8")]


@pytest.fixture(scope="module")
def target(tmp_path_factory, media):
    config = {"memory": {"arena": "64MiB"}, "paths": {
        "healthy/*": {"stream": {"tail": "1s"}},
        "hostile/*": {"publisher": {"grace": "100ms"}}}}
    with hostile.victim(tmp_path_factory.mktemp("bodies"), media, config) as one:
        one.clips = Clips(media)
        one.blocks = one.relay.metric("spancast_arena_blocks_free")
        one.memory = anonymous_memory(one.relay)
        yield one


def anonymous_memory(relay):
    """Bytes of the process outside the arena, which is a shared mapping."""
    with open(f"/proc/{relay.process.pid}/status", encoding="ascii") as status:
        return int(re.search(r"RssAnon:\s+(\d+) kB", status.read())[1]) * 1024


def input_faults(relay):
    text = relay.admin("/metrics").body.decode()
    found = re.findall(r'^spancast_input_faults_total\{reason="(\w+)"\} (\d+)$', text, re.M)
    assert found, "no spancast_input_faults_total"
    return {reason: int(count) for reason, count in found}


class Watch:
    """What must hold around each case: faults are those expected, memory is bounded and returns."""

    def __init__(self, target, faults):
        self.target, self.relay, self.faults = target, target.relay, faults

    def __enter__(self):
        self.before = input_faults(self.relay)
        self.most, self.stopping = 0, threading.Event()
        self.sampler = threading.Thread(target=self.sample, daemon=True)
        self.sampler.start()
        return self

    def sample(self):
        while not self.stopping.wait(0.02):
            self.most = max(self.most, anonymous_memory(self.relay))

    def __exit__(self, kind, *_):
        self.stopping.set()
        self.sampler.join()
        if kind:
            return
        grown = {}

        def arrived():
            now = input_faults(self.relay)
            grown.update({one: now[one] - self.before[one] for one in now})
            return all(grown[one] == (count or grown[one]) and grown[one] >= (count is None)
                       for one, count in self.faults.items())
        try:
            client.until(arrived)
        except AssertionError:
            raise AssertionError(f"the faults are {grown}, not {dict(self.faults)}") from None
        others = {one: count for one, count in grown.items() if count and one not in self.faults}
        assert not others, f"faults that were none: {others}"
        client.until(lambda: not any(one.startswith("hostile/") for one in self.relay.streams()),
                     what="the end of the stream")
        least = self.target.blocks - BLOCKS_SLACK
        client.until(lambda: self.relay.metric("spancast_arena_blocks_free") >= least,
                     what="the return of the blocks")
        used = max(self.most, anonymous_memory(self.relay)) - self.target.memory
        assert used < MEMORY_MAX, f"{used >> 20} MiB more than before the first case"


def play(target, body):
    data = body.make(target.clips)
    path = "/hostile/" + re.sub(r"[^a-z0-9]+", "-", body.name.lower()) + "." + body.container
    head = f"PUT {path} HTTP/1.1\r\nHost: a\r\n"
    if body.framed:
        head += "Transfer-Encoding: chunked\r\n\r\n"
    else:
        head += f"Content-Length: {len(data)}\r\n\r\n"

    def send(sock):
        sock.sendall(head.encode())
        if callable(data):
            data(sock)
        else:
            sock.sendall(data)

    viewers = []
    if body.end == "finished" and not body.is_empty:
        viewers = [target.relay.watch(f"{path.rsplit('.', 1)[0]}.{one}?wait=10&slow=catch_up")
                   for one in (body.container, {"ts": "mp4", "mp4": "ts"}[body.container])]
    if body.end == "415":
        case = hostile.Case(body.name, send, 415)
    elif body.end == "finished":
        case = hostile.Case(body.name, send, 200, body=r'^\{"chunks":\d+,"bytes":\d+,.*\}\n$',
                            log="reason=finished", closed=False,
                            metric=("spancast_publisher_ends_total", {"reason": "finished"}))
    else:
        case = hostile.Case(body.name, send, 400, body=rf"^[^\n]*({body.detail})[^\n]*\n$",
                            log=f'reason={body.end} .*detail=.*({body.detail})',
                            metric=("spancast_publisher_ends_total", {"reason": body.end}),
                            flood=callable(data) or len(data) > LINGER_BYTES)
    hostile.attack(target, case)
    for one in viewers:
        one.wait_end()
    if body.recovers:
        check_recovered(target, body, viewers[0])
    for one in viewers:
        one.close()


def check_recovered(target, body, viewer):
    assert viewer.complete
    if body.container == "ts":
        tail = bad_ts.tail(target.clips.ts)
        assert bytes(viewer.body[-len(tail):]) == tail or mpegts.runs(
            bytes(viewer.body), target.clips.ts)[-1][1] == len(target.clips.ts)
        return
    watched = mp4.Movie(viewer.body).of("video").samples
    sent = mp4.Movie(target.clips.head + b"".join(target.clips.fragments)).of("video").samples
    assert len(watched) == len(sent)


@pytest.mark.parametrize("body", TS_PACKETS + TS_TABLES + TS_FRAMES + BOXES + MOVIES + FRAGMENTS
                         + FRAMINGS + UNKNOWN, ids=lambda one: f"{one.container}: {one.name}")
def test_a_hostile_body_has_its_answer(target, body):
    with Watch(target, body.faults):
        play(target, body)


@pytest.mark.parametrize("place,container,faults,make", CUTS, ids=[one[0] for one in CUTS])
@pytest.mark.parametrize("is_reset", [False, True], ids=["FIN", "RST"])
def test_a_body_that_breaks_off(target, place, container, faults, make, is_reset):
    relay = target.relay
    end = "broken" if is_reset else "truncated"
    before = relay.metric("spancast_publisher_ends_total", reason=end)
    start = len(relay.log)
    with Watch(target, faults):
        connection = relay.connect()
        host, port = connection.socket.getsockname()
        connection.send_head("PUT", f"/hostile/cut.{container}", {"Transfer-Encoding": "chunked"})
        data = make(target.clips)
        connection.socket.sendall(data)
        if is_reset:
            # A reset overtakes what was not read yet.
            client.until(lambda: relay.streams()["hostile/cut"]["publisher"], what="a publisher")
            connection.reset()
        else:
            connection.half_close()
            answer = connection.read_response()
            assert answer.status == 400
            assert answer.body == b"the connection ended before the body did\n"
            assert connection.reader.read() == b""
        relay.wait_log(rf" peer={re.escape(host)}:{port} .*reason={end} ", start)
        client.until(lambda: relay.metric("spancast_publisher_ends_total", reason=end)
                     == before + 1, what=f"one more end: {end}")
        target.healthy.check()


def test_a_length_shorter_than_what_is_sent(target):
    """The rest is the next request, and none."""
    clip = target.clips.ts
    with Watch(target, {}):
        with target.relay.connect() as connection:
            connection.send_head("PUT", "/hostile/short.ts", {"Content-Length": str(len(clip))})
            connection.socket.sendall(clip + b"\0no request\r\n\r\n")
            answer = connection.read_response()
            assert (answer.status, answer.json()["bytes"]) == (200, len(clip))
            assert connection.read_response().status == 400
            assert connection.reader.read() == b""
        target.healthy.check()


def test_a_length_longer_than_what_is_sent(target):
    with Watch(target, {}):
        with target.relay.connect() as connection:
            connection.send_head("PUT", "/hostile/long.ts", {"Content-Length": str(1 << 62)})
            connection.socket.sendall(target.clips.ts)
            connection.socket.shutdown(socket.SHUT_WR)
            answer = connection.read_response()
            assert answer.status == 400
            assert answer.body == b"the connection ended before the body did\n"
        target.healthy.check()
