"""What is in the files of a recording, read from their bytes (relay/disk/chunk_box.hpp)."""

import dataclasses
import pathlib
import re

import compare
import mp4

NAME = re.compile(r"@(\d{4}-\d\d-\d\d)/(\d\d)/(\d{8}T\d{6}\.\d{6}Z)\.mp4")
CHUNK_FIXED = 72  # bytes of the box that all chunks have


@dataclasses.dataclass(frozen=True)
class Recorded:
    """A chunk: its position, what it is, and the payload of all its samples."""
    epoch: int
    sequence: int
    utc_us: int
    sync: bool
    payload: bytes


def files(root, stream="live/cam"):
    """The segments, oldest first."""
    return sorted((pathlib.Path(root) / stream).glob("@*/*/*.mp4"))


def check_name(path, root, stream="live/cam"):
    below = path.relative_to(pathlib.Path(root) / stream)
    found = NAME.fullmatch(str(below))
    assert found, f"no name of a segment: {below}"
    day, hour, start = found.groups()
    assert start.startswith(day.replace("-", "") + "T" + hour), below


def is_closed(path):
    """The index is found from the end of the file."""
    data = path.read_bytes()
    size = int.from_bytes(data[-4:], "big")
    return size < len(data) and data[-size:][:8] == size.to_bytes(4, "big") + b"uuid"


def chunks(path):
    """All whole chunks of a segment, in order."""
    data = path.read_bytes()
    found, boxes = [], mp4.whole_boxes(data)
    assert [box.kind for box in boxes[:3]] == [b"ftyp", b"moov", b"uuid"]
    index = boxes.pop() if is_closed(path) else None
    assert index is None or index.end == len(data)
    for at, box in enumerate(boxes[3:], 3):  # behind the head
        if box.kind != b"uuid":
            continue
        assert box.end - box.start >= CHUNK_FIXED, "a box that is no chunk's"
        at_byte = lambda first, count, begin=box.start: int.from_bytes(
            data[begin + first:begin + first + count], "big")
        payload = b""
        following = [one.kind for one in boxes[at + 1:at + 3]]
        if not index and following in ([], [b"moof"]):
            break  # it is cut off there
        if following[:1] == [b"moof"]:
            mdat = boxes[at + 2]
            assert mdat.kind == b"mdat"
            payload = data[mdat.body:mdat.end]
        found.append(Recorded(at_byte(40, 8), at_byte(48, 8), at_byte(56, 8),
                              bool(at_byte(33, 1) & 1), payload))
    return found


def read_media(paths):
    """What ffmpeg reads from the files, all of it in order."""
    video, audio, messages = [], [], []
    for path in paths:
        reading = compare.read(path)
        video += reading.video
        audio += reading.audio
        messages += [f"{path.name}: {reading.message}"] * bool(reading.message)
    return compare.Reading(video, audio, "\n".join(messages))
