"""The proxy does what the tests believe it does."""

import contextlib
import socket
import time

import pytest

import client
import cutting_proxy
from cutting_proxy import DOWN, UP

BRIEF = 0.05 # long enough for what must not come to have come


@contextlib.contextmanager
def ends(*events):
    """(client, server, proxy): a connection through the proxy."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        with cutting_proxy.Proxy(listener.getsockname()[1], events) as proxy:
            with socket.create_connection(("127.0.0.1", proxy.port)) as near:
                far, _ = listener.accept()
                with far:
                    for one in (near, far):
                        one.settimeout(client.TIMEOUT)
                    yield near, far, proxy


def receive(sock, size):
    data = b""
    while len(data) < size and (part := sock.recv(size - len(data))):
        data += part
    return data


def check_silent(sock):
    """Nothing comes: no byte, no FIN, no RST."""
    sock.settimeout(BRIEF)
    with pytest.raises(TimeoutError):
        sock.recv(1)
    sock.settimeout(client.TIMEOUT)


def pattern(size):
    return bytes(index % 251 for index in range(size))


def test_bytes_and_ends_pass():
    with ends() as (near, far, _):
        near.sendall(b"up")
        assert receive(far, 2) == b"up"
        near.shutdown(socket.SHUT_WR)
        assert far.recv(1) == b""
        far.sendall(b"down")
        assert receive(near, 4) == b"down"
        far.close()
        assert near.recv(1) == b""


def test_much_passes_to_a_side_that_reads_late():
    data = pattern(8 << 20)
    with ends() as (near, far, _):
        near.setblocking(False)
        got = b""
        rest = memoryview(data)
        while len(got) < len(data):
            with contextlib.suppress(BlockingIOError):
                while rest:
                    rest = rest[near.send(rest):]
            got += far.recv(1 << 20)
        assert got == data


@pytest.mark.parametrize("direction", [UP, DOWN])
@pytest.mark.parametrize("kind", [cutting_proxy.RST, cutting_proxy.FIN])
def test_a_cut_comes_at_its_byte(direction, kind):
    event = cutting_proxy.Event(kind, 100_001, direction)
    with ends(event) as (near, far, proxy):
        source, sink = (near, far) if direction == UP else (far, near)
        with contextlib.suppress(ConnectionError):
            source.sendall(pattern(300_000))
        if kind == cutting_proxy.FIN:
            assert receive(sink, 300_000) == pattern(100_001)
            assert source.recv(1) == b""
        else:
            got = b""
            with pytest.raises(ConnectionResetError):
                while part := sink.recv(1 << 16):
                    got += part
            # A reset overtakes what the other end has not read yet.
            assert len(got) <= 100_001 and got == pattern(len(got))
            with pytest.raises(ConnectionError):
                source.recv(1)
        proxy.wait_done(1)
        assert proxy.done == [event]


def test_events_befall_one_connection_after_the_other():
    events = [cutting_proxy.Event(cutting_proxy.FIN, size, UP) for size in (10, 20)]
    with socket.create_server(("127.0.0.1", 0)) as listener:
        with cutting_proxy.Proxy(listener.getsockname()[1], events) as proxy:
            for size in (10, 20):
                with socket.create_connection(("127.0.0.1", proxy.port)) as near:
                    far, _ = listener.accept()
                    with far:
                        near.sendall(bytes(50))
                        assert receive(far, 50) == bytes(size)
            proxy.wait_done(2)


def test_a_stall_ends():
    with ends() as (near, far, proxy):
        proxy.happen(cutting_proxy.STALL, cutting_proxy.FOREVER)
        near.sendall(b"up")
        far.sendall(b"down")
        check_silent(far)
        check_silent(near)
        proxy.happen(cutting_proxy.FLOW)
        assert (receive(far, 2), receive(near, 4)) == (b"up", b"down")
        proxy.happen(cutting_proxy.STALL, 0.05)
        near.sendall(b"again")
        assert receive(far, 5) == b"again"


@pytest.mark.parametrize("kind", [cutting_proxy.DROP_UP, cutting_proxy.DROP_DOWN])
@pytest.mark.parametrize("reset", [False, True])
def test_a_direction_that_is_lost_loses_the_end_too(kind, reset):
    with ends() as (near, far, proxy):
        proxy.happen(kind)
        lost, kept = (near, far) if kind == cutting_proxy.DROP_UP else (far, near)
        lost.sendall(b"lost")
        check_silent(kept)
        kept.sendall(b"kept")
        assert receive(lost, 4) == b"kept"
        if reset:
            cutting_proxy.abort(lost)
        else:
            lost.close()
        check_silent(kept)
        kept.sendall(b"to nobody")
        check_silent(kept)


@pytest.mark.parametrize("reset", [False, True])
def test_a_half_open_connection_tells_nobody(reset):
    with ends() as (near, far, proxy):
        proxy.happen(cutting_proxy.HALF_OPEN)
        near.sendall(b"up")
        far.sendall(b"down")
        check_silent(far)
        check_silent(near)
        if reset:
            cutting_proxy.abort(near)
        else:
            near.close()
        check_silent(far)
        far.sendall(b"to nobody")
        check_silent(far)


def test_a_delay_keeps_the_order():
    with ends() as (near, far, proxy):
        proxy.happen(cutting_proxy.DELAY, 0.2)
        began = time.monotonic()
        for number in range(10):
            near.sendall(bytes([number]))
        assert receive(far, 10) == bytes(range(10))
        assert time.monotonic() - began >= 0.2


def test_who_is_refused_is_reset():
    with ends() as (near, far, proxy):
        proxy.refuse()
        with socket.create_connection(("127.0.0.1", proxy.port)) as other:
            with pytest.raises(ConnectionResetError):
                other.recv(1)
        near.sendall(b"still")
        assert receive(far, 5) == b"still"


def test_a_plan_is_that_of_its_seed():
    kinds = [cutting_proxy.RST, cutting_proxy.FIN, cutting_proxy.HALF_OPEN, cutting_proxy.STALL]
    made = [cutting_proxy.plan(seed, 20, kinds=kinds, bytes_between=1000) for seed in (1, 1, 2)]
    assert made[0] == made[1] != made[2]
    for kind in kinds:
        assert sum(event.kind == kind for event in made[0]) == 5
    assert all(1 <= event.after_bytes <= 2000 for event in made[0])
