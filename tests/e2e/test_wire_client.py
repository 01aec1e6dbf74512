"""The wire client's own pieces: what they would let pass, the tests would let pass."""

import pytest

import websocket
import wire_messages


def test_the_checksum_is_castagnolis():
    assert wire_messages.crc32c(b"123456789") == 0xE3069283
    assert wire_messages.crc32c(b"") == 0


@pytest.mark.parametrize("size", [0, 1, 125, 126, 65535, 65536])
def test_a_frame_reads_the_same_wherever_it_is_cut(size):
    payload = bytes(index & 0xFF for index in range(size))
    data = websocket.frame(websocket.BINARY, payload, mask=False)
    for cut in {0, 1, 2, 3, 9, 10, 11, len(data) // 2, len(data) - 1} & set(range(len(data))):
        reader = websocket.Reader()
        reader.feed(data[:cut])
        assert reader.next() is None
        reader.feed(data[cut:])
        assert reader.next() == websocket.Frame(True, websocket.BINARY, payload)
        assert reader.next() is None


def test_a_masked_frame_is_that_of_the_specification():
    """RFC 6455, 5.7."""
    assert websocket.xor(b"Hello", bytes.fromhex("37fa213d")) == bytes.fromhex("7f9f4d5158")
    assert websocket.accept_of("dGhlIHNhbXBsZSBub25jZQ==") == "s3pPLMBiTxaQ9kYGzzhZRbK+xOo="


@pytest.mark.parametrize("data", [
    websocket.frame(websocket.BINARY, b"x"),                    # masked
    websocket.frame(websocket.BINARY, b"x", rsv=4, mask=False),
    websocket.frame(websocket.PING, b"x", fin=False, mask=False),
    websocket.frame(websocket.BINARY, bytes(9), length=3, mask=False)],
    ids=["masked", "reserved bits", "a control frame that is cut", "a length that is too long"])
def test_a_frame_that_no_relay_may_send_is_noticed(data):
    reader = websocket.Reader()
    reader.feed(data)
    with pytest.raises(AssertionError):
        reader.next()


def test_a_message_reads_as_it_was_written():
    wire = wire_messages.today()
    chunk = wire.Chunk(epoch=1 << 63, sequence=wire_messages.SEQUENCE_MAX - 1, sync=True,
                       samples=[wire.Sample(dts=-1, pts_offset=-1, size=3)])
    assert wire.unpack(wire.pack(b"abc", chunk=chunk)) == ("chunk", chunk, b"abc")


def test_a_message_that_is_not_known_has_no_name():
    wire = wire_messages.today()
    older = wire_messages.Schema(wire_messages.PROTO.read_text().replace("Gap gap = 8;", ""))
    data = wire.pack(b"payload", gap=wire.Gap(reason=wire.Gap.LOST))
    assert older.unpack(data) == (None, None, b"payload")
