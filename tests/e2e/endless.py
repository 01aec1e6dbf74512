"""A clip that never ends: real MPEG-TS, looped, with times and counters that go on."""

import mpegts

WRAP = 1 << 33


def shift_stamp(packet, at, ticks):
    """Moves a PTS or DTS (2.4.3.7) in place."""
    value = (mpegts.stamp(packet[at:at + 5]) + ticks) % WRAP
    packet[at:at + 5] = bytes([packet[at] & 0xF1 | value >> 29 & 0x0E, value >> 22 & 0xFF,
                               1 | value >> 14 & 0xFE, value >> 7 & 0xFF, 1 | value << 1 & 0xFE])


def shift_times(packet, ticks):
    if mpegts.adaptation_flags(packet) & 0x10:
        clock = (int.from_bytes(packet[6:11], "big") >> 7) + ticks
        packet[6:10] = (clock % WRAP >> 1).to_bytes(4, "big")
        packet[10] = (clock & 1) << 7 | packet[10] & 0x7F
    payload = mpegts.PACKET - len(mpegts.payload_of(packet))
    if not mpegts.starts_unit(packet) or packet[payload:payload + 3] != b"\0\0\1":
        return
    flags = packet[payload + 7]
    if flags & 0x80:
        shift_stamp(packet, payload + 9, ticks)
    if flags & 0x40:
        shift_stamp(packet, payload + 14, ticks)


def pieces(clip, packets_each):
    """Yields the packets of the clip, again and again, so many at a time."""
    # A frame more than the clip's length, so that the audio of two rounds never overlaps.
    round_ticks = int((clip.seconds + 0.04) * 90000)
    counters, piece, number = {}, bytearray(), 0
    while True:
        for original in mpegts.packets(clip.data):
            packet = bytearray(original)
            shift_times(packet, number * round_ticks)
            pid = mpegts.pid_of(packet)
            counter = counters.get(pid, mpegts.counter_of(packet) - 1)
            if packet[3] & 0x10:  # only payload counts (2.4.3.3)
                counter = counter + 1 & 0x0F
            counters[pid] = counter
            packet[3] = packet[3] & 0xF0 | counter & 0x0F
            piece += packet
            if len(piece) == packets_each * mpegts.PACKET:
                yield bytes(piece)
                piece.clear()
        number += 1
