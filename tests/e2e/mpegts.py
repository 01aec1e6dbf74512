"""Just enough MPEG-TS to judge what the relay delivers (ISO/IEC 13818-1, 2.4.3)."""

import dataclasses

PACKET = 188
H264, H265 = 0x1B, 0x24
AAC, MP3, PRIVATE = 0x0F, 0x03, 0x06  # Opus is private data


def packets(data):
    assert len(data) % PACKET == 0, f"{len(data)} bytes are no whole number of packets"
    for offset in range(0, len(data), PACKET):
        packet = data[offset:offset + PACKET]
        assert packet[0] == 0x47, f"no sync byte at {offset}"
        yield packet


def pid_of(packet):
    return (packet[1] & 0x1F) << 8 | packet[2]


def starts_unit(packet):
    return bool(packet[1] & 0x40)


def counter_of(packet):
    return packet[3] & 0x0F


def payload_of(packet):
    control = packet[3] >> 4 & 3
    start = 5 + packet[4] if control & 2 else 4
    return packet[start:] if control & 1 else b""


def adaptation_flags(packet):
    return packet[5] if packet[3] & 0x20 and packet[4] else 0


def announces_discontinuity(packet):
    return bool(adaptation_flags(packet) & 0x80)


def first_pat(data):
    for index, packet in enumerate(packets(data[:len(data) // PACKET * PACKET])):
        if pid_of(packet) == 0:
            return index * PACKET
    raise AssertionError("there is no PAT")


def section_of(packet):
    payload = payload_of(packet)
    return payload[1 + payload[0]:]


def pmt_pid(data):
    pat = section_of(data[first_pat(data):][:PACKET])
    return (pat[10] & 0x1F) << 8 | pat[11]


def pids(data):
    return {pid_of(packet) for packet in packets(data)}


def tables(data):
    """The PIDs whose packets may be repeated in front of what a viewer is joined to."""
    return {0, pmt_pid(data)}


def streams(data):
    """PID → stream type, as the first PMT says."""
    wanted = pmt_pid(data)
    for packet in packets(data):
        if pid_of(packet) == wanted and starts_unit(packet):
            return types_of(packet)
    raise AssertionError("there is no PMT")


def types_of(packet):
    """PID → stream type, as this PMT says."""
    section = section_of(packet)
    end = 3 + ((section[1] & 0x0F) << 8 | section[2]) - 4
    offset = 12 + ((section[10] & 0x0F) << 8 | section[11])
    found = {}
    while offset < end:
        pid = (section[offset + 1] & 0x1F) << 8 | section[offset + 2]
        found[pid] = section[offset]
        offset += 5 + ((section[offset + 3] & 0x0F) << 8 | section[offset + 4])
    return found


def video_pid(data):
    return next(pid for pid, kind in streams(data).items() if kind in (H264, H265))


def units(data, pid):
    """The PES packets of a PID, headers included, each as (offset of its first packet, bytes)."""
    unit, start = None, 0
    for index, packet in enumerate(packets(data)):
        if pid_of(packet) != pid:
            continue
        if starts_unit(packet):
            if unit is not None:
                yield start, bytes(unit)
            unit, start = bytearray(), index * PACKET
        if unit is not None:
            unit += payload_of(packet)
    if unit is not None:
        yield start, bytes(unit)


def nal_heads(unit):
    """The first bytes of the NAL units of a PES packet."""
    found, at = [], unit.find(b"\0\0\1", 6)
    while at != -1 and at + 3 < len(unit):
        found.append(unit[at + 3] & 0x7F)
        at = unit.find(b"\0\0\1", at + 3)
    return found


def nal_types(unit):
    """The H.264 NAL unit types of a PES packet."""
    return [head & 0x1F for head in nal_heads(unit)]


def is_key_unit(unit):
    return 5 in nal_types(unit)


def ends_whole(data, end):
    """No video frame of `data` is cut in two at `end`: the next video packet begins one."""
    pid = video_pid(data)
    following = (packet for packet in packets(data[end:]) if pid_of(packet) == pid)
    return starts_unit(next(following, b"G@"))


def first_video_is_key(data):
    _, unit = next(units(data, video_pid(data)))
    return is_key_unit(unit)


def pcr_of(packet):
    """The PCR in seconds, or None."""
    if adaptation_flags(packet) & 0x10 == 0:
        return None
    base = int.from_bytes(packet[6:11], "big") >> 7
    return base / 90000


def private_packet(pid, number, text, pts):
    """One packet with a private_stream_1 PES that holds `text`."""
    stamp = bytes([0x21 | pts >> 29 & 0x0E, pts >> 22 & 0xFF, 1 | pts >> 14 & 0xFE, pts >> 7 & 0xFF,
                   1 | pts << 1 & 0xFE])
    pes = b"\0\0\1\xbd" + (8 + len(text)).to_bytes(2, "big") + b"\x80\x80\x05" + stamp + text
    stuffing = PACKET - 4 - len(pes) - 2
    return (bytes([0x47, 0x40 | pid >> 8, pid & 0xFF, 0x30 | number & 0x0F, stuffing + 1, 0])
            + b"\xff" * stuffing + pes)


def with_private_packets(data, pid, every):
    """Puts numbered packets of `pid` in the place of its own, one after every so many others."""
    out, number, clock = bytearray(), 0, 0.0
    others = [packet for packet in packets(data) if pid_of(packet) != pid]
    for index, packet in enumerate(others):
        clock = pcr_of(packet) or clock
        out += packet
        if index % every == every - 1:
            text = b"private %06d" % number
            out += private_packet(pid, number, text, int((clock + 0.5) * 90000))
            number += 1
    return bytes(out)


def runs(watched, published):
    """Splits what was watched into the stretches of `published` it consists of.

    Returns a list of (start, end, joined with) offsets into `published`; what a join image put in
    front of a stretch comes with it, as packets. Fails on a packet that is neither.
    """
    originals = [bytes(packet) for packet in packets(published)]
    places = {}
    for index, packet in enumerate(originals):
        places.setdefault(packet, []).append(index)
    table_pids = tables(published)
    found, joined, position = [], [], None
    for packet in packets(watched):
        packet = bytes(packet)
        if position is not None and position < len(originals) and packet == originals[position]:
            position += 1
            found[-1][1] = position * PACKET
            continue
        after = position or 0
        later = [place for place in places.get(packet, []) if place >= after]
        if pid_of(packet) in table_pids or not later:
            # Part of a join image, or of the tables that the next stretch begins with.
            assert pid_of(packet) in table_pids or payload_of(packet) == b"", (
                f"a packet of PID {pid_of(packet):#x} that was not published there")
            joined.append(packet)
            continue
        position = later[0]
        begin = position
        while joined and begin and joined[-1] == originals[begin - 1]:
            joined.pop()
            begin -= 1
        position += 1
        found.append([begin * PACKET, position * PACKET, joined])
        joined = []
    assert all(pid_of(packet) in table_pids for packet in joined), "a join image that joins nothing"
    return [tuple(run) for run in found]


@dataclasses.dataclass(frozen=True)
class Frame:
    """A PES packet; its times count on through the wraps of their 33 bits."""
    pts: int
    dts: int
    sync: bool
    offset: int   # of its first packet


def stamp(field):
    """A timestamp of a PES header (2.4.3.7)."""
    return ((field[0] >> 1 & 7) << 30 | field[1] << 22 | field[2] >> 1 << 15 | field[3] << 7
            | field[4] >> 1)


def nearest(value, near):
    """The number that is `value` modulo 2^33 and lies nearest to `near`."""
    return near + (value - near + (1 << 32)) % (1 << 33) - (1 << 32)


def timeline(data, kind):
    """The PES packets of the "video" or "audio" track in order, also across new PMTs."""
    types = {"video": (H264, H265), "audio": (AAC, MP3, PRIVATE)}[kind]
    found, near = [], None
    for offset, stream_type, unit in typed_units(data):
        if stream_type not in types or len(unit) < 19 or not unit[7] & 0x80:
            continue
        pts = stamp(unit[9:14])
        dts = stamp(unit[14:19]) if unit[7] & 0x40 else pts
        near = dts if near is None else nearest(dts, near)
        found.append(Frame(nearest(pts, near), near, is_sync_unit(unit, stream_type), offset))
    return found


def typed_units(data):
    """All PES packets, in the order of their first packets: (offset, stream type, bytes)."""
    types, programs, begun, found = {}, {pmt_pid(data)}, {}, []
    for index, packet in enumerate(packets(data)):
        pid = pid_of(packet)
        if pid == 0 and starts_unit(packet):
            programs = {pmt_pid(packet)}
        elif pid in programs and starts_unit(packet):
            types.update(types_of(packet))
        elif pid in types:
            if starts_unit(packet):
                begun[pid] = bytearray()
                found.append((index * PACKET, types[pid], begun[pid]))
            if pid in begun:
                begun[pid] += payload_of(packet)
    return found


def is_sync_unit(unit, stream_type):
    """A decoder may begin with it; always so for audio."""
    if stream_type == H265:
        return any(16 <= head >> 1 <= 21 for head in nal_heads(unit))
    return is_key_unit(unit) if stream_type == H264 else True
