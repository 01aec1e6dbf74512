"""MPEG-TS as no muxer writes it: made by hand, or damaged (ISO/IEC 13818-1, 2.4)."""

import endless
import mpegts

PACKET = mpegts.PACKET
NULL_PID = 0x1FFF
PMT_PID = 0x1000
VIDEO, AUDIO = 0x100, 0x101


def crc32(data):
    """Annex A."""
    crc = 0xFFFFFFFF
    for byte in data:
        crc ^= byte << 24
        for _ in range(8):
            crc = (crc << 1 ^ (0x04C11DB7 if crc & 0x80000000 else 0)) & 0xFFFFFFFF
    return crc.to_bytes(4, "big")


def packet(pid, payload, counter=0, *, start=False):
    """One packet; a payload that does not fill it stands behind an adaptation field."""
    room = PACKET - 4 - len(payload)
    assert room >= 0
    field = b"" if room == 0 else bytes([room - 1]) + (b"\0" + b"\xff" * (room - 2))[:room - 1]
    control = 0x30 if room else 0x10
    head = bytes([0x47, start << 6 | pid >> 8, pid & 0xFF, control | counter & 0x0F])
    return head + field + payload


def section(table, extension, body, *, length=None, crc=None, version=0):
    """`length` and `crc`: what it says instead of the truth."""
    size = len(body) + 9 if length is None else length
    head = bytes([table, 0xB0 | size >> 8, size & 0xFF, extension >> 8, extension & 0xFF,
                  0xC1 | version << 1, 0, 0])
    return head + body + (crc32(head + body) if crc is None else crc)


def in_packet(pid, text, counter=0):
    payload = b"\0" + text
    return packet(pid, payload + b"\xff" * (PACKET - 4 - len(payload)), counter, start=True)


# With counters that a clip, whose tables begin at 0, goes on from.
def pat(programs=((1, PMT_PID),), counter=15, **lies):
    body = b"".join(number.to_bytes(2, "big") + (0xE000 | pid).to_bytes(2, "big")
                    for number, pid in programs)
    return in_packet(0, section(0, 1, body, **lies), counter)


def pmt_body(streams, info_length=0):
    """`info_length`: what each stream says its descriptors have."""
    entries = b"".join(bytes([kind, 0xE0 | pid >> 8, pid & 0xFF, 0xF0 | info_length >> 8,
                              info_length & 0xFF]) for kind, pid in streams)
    return (0xE000 | streams[0][1]).to_bytes(2, "big") + b"\xf0\0" + entries


def pmt(streams=((mpegts.H264, VIDEO),), counter=15, info_length=0, **lies):
    return in_packet(PMT_PID, section(2, 1, pmt_body(streams, info_length), **lies), counter)


def stamped(pts):
    return bytes([0x21 | pts >> 29 & 0x0E, pts >> 22 & 0xFF, 1 | pts >> 14 & 0xFE, pts >> 7 & 0xFF,
                  1 | pts << 1 & 0xFE])


def pes_head(stream_id=0xE0, length=0, pts=0):
    return b"\0\0\1" + bytes([stream_id]) + length.to_bytes(2, "big") + b"\x80\x80\x05" + \
        stamped(pts)


def endless_pes(packets):
    """One frame that never ends."""
    out = [pat(), pmt(), packet(VIDEO, pes_head() + b"\0\0\1\x65" + b"\xa5" * 166, 0, start=True)]
    out += [packet(VIDEO, b"\xa5" * 184, number + 1) for number in range(packets)]
    return b"".join(out)


def small_audio(frames, pids):
    """Audio frames of one packet each, among as many PIDs as are followed: every frame is one
    where a viewer may begin, with a join image much larger than itself."""
    out = [pat(), pmt(((mpegts.AAC, AUDIO),))]
    out += [packet(0x200 + pid, b"\xa5" * 184) for pid in range(pids)]
    for number in range(frames):
        body = pes_head(0xC0, 8 + 8, number * 100) + b"\xff\xf1\x4c\x80\x01\x1f\xfc\x21"
        out.append(packet(AUDIO, body, number, start=True))
    return b"".join(out)


def flood_of_pids(data, count):
    """The clip, and behind each of its packets others of PIDs that no table names."""
    used, others, number = mpegts.pids(data), [], 0
    others = [pid for pid in range(0x20, NULL_PID) if pid not in used]
    out = bytearray()
    packets = list(mpegts.packets(data))
    each = count // len(packets) + 1
    for one in packets:
        out += one
        for _ in range(each):
            out += packet(others[number % len(others)], b"\xa5" * 184, number // len(others))
            number += 1
    assert number >= count
    return bytes(out)


def changed(data, change):
    """The clip with every packet as `change(packet, number)` returns it; None leaves it out."""
    out = bytearray()
    for number, one in enumerate(mpegts.packets(data)):
        out += change(bytearray(one), number) or b""
    return bytes(out)


def with_times(data, stamp):
    """Every PTS and DTS is what `stamp(seconds)` makes of it, in ticks."""
    def change(one, _):
        at = PACKET - len(mpegts.payload_of(one))
        if mpegts.starts_unit(one) and one[at:at + 3] == b"\0\0\1":
            for flag, place in ((0x80, at + 9), (0x40, at + 14)):
                if one[at + 7] & flag:
                    old = mpegts.stamp(one[place:place + 5])
                    endless.shift_stamp(one, place, stamp(old / 90000) - old)
        return one
    return changed(data, change)


def shifted(data, seconds):
    return with_times(data, lambda time: round((time + seconds) * 90000) % (1 << 33))


def tail(data):
    """From the last keyframe of the clip on: what a viewer must still get."""
    pid = mpegts.video_pid(data)
    return data[[start for start, unit in mpegts.units(data, pid) if mpegts.is_key_unit(unit)][-1]:]
