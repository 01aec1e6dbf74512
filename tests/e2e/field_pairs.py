"""Interlaced H.264 as field pairs, which no encoder at hand writes.

x264 codes fields as small progressive pictures; here their slice headers and their SPS are written
anew (ITU-T H.264, 7.3.2.1.1 and 7.3.3), so that two of them are the fields of one frame. Their
coefficients mean another picture then, which does no harm: what counts is that every decoder sees
the same.
"""

import dataclasses
import re

import tools

ENCODER = ("-c:v", "libx264", "-preset", "ultrafast", "-profile:v", "main", "-b:v", "500k",
           "-x264-params", "cabac=0:keyint=1:bframes=0:threads=1")
GROUP = 25  # frames from one IDR picture to the next
IDR, SLICE, SPS, PPS = 5, 1, 7, 8


class Bits:
    """The bits of an RBSP, to be read; what is written is a plain text of zeros and ones."""

    def __init__(self, payload):
        self.text = "".join(f"{byte:08b}" for byte in payload)
        self.at = 0

    def u(self, count):
        self.at += count
        return int(self.text[self.at - count:self.at] or "0", 2)

    def ue(self):
        zeros = self.text.index("1", self.at) - self.at
        self.at += zeros
        return self.u(zeros + 1) - 1

    def copied(self, count, read):
        """The text of so many fields."""
        start = self.at
        for _ in range(count):
            read()
        return self.text[start:self.at]

    def rest(self):
        """To the stop bit, and without it."""
        return self.text[self.at:self.text.rindex("1")]


def ue(value):
    text = f"{value + 1:b}"
    return "0" * (len(text) - 1) + text


def nal(reference, kind, text):
    """A NAL unit with its start code, from the bits of its RBSP."""
    text += "1"
    text += "0" * (-len(text) % 8)
    payload = bytes(int(text[at:at + 8], 2) for at in range(0, len(text), 8))
    payload = re.sub(b"\0\0(?=[\0-\x03])", b"\0\0\x03", payload)
    return b"\0\0\0\1" + bytes([reference << 5 | kind]) + payload


def split(stream):
    """The NAL units of a byte stream, each as (nal_ref_idc, type, RBSP)."""
    for unit in stream.split(b"\0\0\x01")[1:]:
        unit = unit.rstrip(b"\0")
        yield unit[0] >> 5 & 3, unit[0] & 0x1F, unit[1:].replace(b"\0\0\x03", b"\0\0")


@dataclasses.dataclass
class Settings:
    """What slice headers depend on."""
    frame_bits: int = 0
    lsb_bits: int = 0
    controls_deblocking: bool = False


def field_sps(payload, settings):
    bits = Bits(payload)
    head = "01001101" + "00000000" + bits.text[16:24]  # Main profile, the level as it was
    bits.at = 24
    head += ue(bits.ue())
    settings.frame_bits = bits.ue() + 4
    head += ue(settings.frame_bits - 4)
    if bits.ue() == 0:
        settings.lsb_bits = bits.ue() + 4
    bits.ue()
    bits.u(1)
    width, height = bits.ue(), bits.ue()
    # Order as decoded, one reference frame, no gaps; the height counts in pairs of rows now.
    head += ue(2) + ue(1) + "0" + ue(width) + ue(height)
    return head + "0" + "0" + "1" + "0" + "0"  # fields, not adaptive, direct_8x8, no crop, no VUI


def read_pps(payload, settings):
    bits = Bits(payload)
    for read in (bits.ue, bits.ue):
        read()
    assert bits.u(1) == 0, "the slices must be CAVLC"
    bits.u(1)
    for _ in range(3):
        bits.ue()
    bits.u(3)
    for _ in range(3):
        bits.ue()
    settings.controls_deblocking = bool(bits.u(1))


def field_slice(payload, settings, frame, bottom):
    """One field of frame number `frame`: an I slice, of an IDR picture only in a group's first."""
    bits = Bits(payload)
    text = bits.copied(3, bits.ue)  # first_mb_in_slice, slice_type, pic_parameter_set_id
    bits.u(settings.frame_bits)
    bits.ue()                       # idr_pic_id
    bits.u(settings.lsb_bits)
    bits.u(2)                       # dec_ref_pic_marking of an IDR picture
    is_idr = frame % GROUP == 0 and not bottom
    text += f"{frame % GROUP % (1 << settings.frame_bits):0{settings.frame_bits}b}"
    text += "1" + str(int(bottom))
    text += ue(frame // GROUP % 2) + "00" if is_idr else "0"
    return nal(1, IDR if is_idr else SLICE, text + bits.rest())


def pair(stream):
    """The byte stream of field pairs that a stream of IDR pictures becomes."""
    settings, out, fields = Settings(), bytearray(), 0
    for reference, kind, payload in split(stream):
        at_start = fields % (2 * GROUP) == 0
        if kind == SPS:
            text = field_sps(payload, settings)
            out += nal(3, SPS, text) if at_start else b""
        elif kind == PPS:
            read_pps(payload, settings)
            out += b"\0\0\0\1" + bytes([reference << 5 | PPS]) + payload if at_start else b""
        elif kind == IDR:
            out += field_slice(payload, settings, fields // 2, fields % 2)
            fields += 1
    return bytes(out)


def convert(path):
    """Rewrites the video of a file that was encoded with ENCODER at 50 fields a second."""
    stream, fields, source = (path.with_suffix(f".{name}") for name in ("h264", "fields", "frames"))
    path.rename(source)
    tools.run("ffmpeg", "-v", "error", "-nostdin", "-y", "-i", source, "-map", "0:v", "-c", "copy",
              "-bsf:v", "dump_extra", "-f", "h264", stream)
    fields.write_bytes(pair(stream.read_bytes()))
    tools.run("ffmpeg", "-v", "error", "-nostdin", "-y", "-r", "50", "-f", "h264", "-i", fields,
              "-i", source, "-map", "0:v", "-map", "1:a", "-c", "copy", "-f", "nut", path)
