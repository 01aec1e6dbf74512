"""Request heads that are wrong, ambiguous or meant for somebody else (RFC 9112, RFC 9110)."""

import subprocess

import pytest

import client
import hostile
from hostile import Case

# Behind each refused head: must never be answered, or a balancer and we disagree on what a request
# is.
SECOND = b"GET /healthz HTTP/1.1\r\nHost: a\r\n\r\n"
BODY = b"0\r\n\r\n"
ALLOW_MEDIA = {"allow": "GET, HEAD, PUT, POST, OPTIONS"}
ALLOW_STATUS = {"allow": "GET, HEAD, OPTIONS"}

REQUEST = "this is not an HTTP/1 request"
LINE = "the request line is malformed"
TARGET = "the request target is malformed"
FIELD = "a header field is malformed"
HOST = "HTTP/1.1 needs exactly one valid Host"
LENGTH = "the length of the body is not clear"
LARGE = "the request head is too large"
VERSION = "only HTTP/1.0 and HTTP/1.1 are spoken here"


@pytest.fixture(scope="module")
def victim(tmp_path_factory, media):
    with hostile.victim(tmp_path_factory.mktemp("heads"), media,
                        {"http": {"header_timeout": "700ms"},
                         "paths": {"closed/*": {"publisher": {"allow": ["10.0.0.0/8"]}}}}) as one:
        yield one


def refused(name, send, status, reason, **more):
    """An answer whose body is the reason, which is also in the log."""
    return Case(name, send, status, body=f"^{reason}\n$",
                log=f'request refused .*status={status} reason="{reason}"', **more)


def lines(*all_lines, then=SECOND):
    return b"".join(line + b"\r\n" for line in (*all_lines, b"")) + then


def head(name, first, *fields, status=400, reason=REQUEST, host=b"Host: a", then=SECOND, **more):
    first = first if isinstance(first, bytes) else first.encode()
    text = lines(first, *([host] if host else []), *fields, then=then)
    return refused(name, text, status, reason, **more)


def put(name, *fields, reason=LENGTH, then=BODY + SECOND, **more):
    return head(name, b"PUT /live/cam.ts HTTP/1.1", *fields, reason=reason, then=then, **more)


def get(name, target, reason, status=400, **more):
    """Only what is not there leaves the connection open for the next request."""
    if status == 404:
        more = {"closed": False, "then": b"", **more}
    return head(name, f"GET {target} HTTP/1.1", status=status, reason=reason, **more)


TLS_HELLO = bytes.fromhex("16030100c4010000c00303") + bytes(32)

REQUEST_LINES = [
    refused("no request line", b"\r\n" * 5 + SECOND, 400, REQUEST),
    refused("a TLS handshake", TLS_HELLO, 400, REQUEST),
    refused("a line of noise", bytes(range(0x80, 0x100)) * 4 + b"\r\n\r\n", 400, LINE),
    refused("NUL first", b"\0" + SECOND, 400, REQUEST),
    refused("a short line", b"GET\r\n\r\n", 400, LINE),
    refused("HTTP/0.9", b"GET /healthz\r\n\r\n", 400, LINE),
    refused("RTSP", b"OPTIONS rtsp://a/live/cam.ts RTSP/1.0\r\nCSeq: 1\r\n\r\n", 400, LINE),
    refused("the preface of HTTP/2", b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 505, VERSION),
    head("a version to come", b"GET / HTTP/1.2", status=505, reason=VERSION),
    head("a version of zeros", b"GET / HTTP/01.01", status=505, reason=VERSION),
    head("a version in small letters", b"GET / http/1.1", reason=LINE),
    head("a version with a blank behind", b"GET / HTTP/1.1 ", reason=LINE),
    head("two blanks", b"GET  / HTTP/1.1", reason=LINE),
    head("tabs instead of blanks", b"GET\t/\tHTTP/1.1", reason=LINE),
    head("a blank in front", b" GET / HTTP/1.1", reason=LINE),
    head("a method that is no token", b"GE(T / HTTP/1.1", reason=LINE),
]

TARGETS = [
    head("no slash in front", b"GET live/cam.ts HTTP/1.1", reason=TARGET),
    head("an asterisk for GET", b"GET * HTTP/1.1", reason=TARGET),
    head("the authority form", b"GET a:80 HTTP/1.1", reason=TARGET),
    head("another scheme", b"GET ftp://a/live/cam.ts HTTP/1.1", reason=TARGET),
    head("user information", b"GET http://user@a/live/cam.ts HTTP/1.1", reason=TARGET),
    head("a fragment", b"GET /live/cam.ts#x HTTP/1.1", reason=TARGET),
    head("bytes above ASCII", b"GET /live/c\xc3\xa4m.ts HTTP/1.1", reason=TARGET),
    head("a control character in the target", b"GET /live/c\x01m.ts HTTP/1.1"),
    head("DEL in the target", b"GET /live/c\x7fm.ts HTTP/1.1"),
    get("dots", "/live/../cam.ts", "a path segment begins with a dot"),
    get("encoded dots", "/live/%2e%2E/cam.ts", "a path segment begins with a dot"),
    get("dots to the root", "/../../etc/passwd", "a path segment begins with a dot"),
    get("an encoded slash", "/live%2fcam.ts",
        "only unreserved characters may be percent-encoded in a path"),
    get("an encoded NUL", "/live/cam%00.ts",
        "only unreserved characters may be percent-encoded in a path"),
    get("encoded twice", "/live/%252e%252e/cam.ts",
        "only unreserved characters may be percent-encoded in a path"),
    get("half an encoding", "/live/cam.ts%2",
        "only unreserved characters may be percent-encoded in a path"),
    get("no hexadecimal digits", "/live/%zz.ts",
        "only unreserved characters may be percent-encoded in a path"),
    get("a backslash", "/live/..\\cam.ts", "a path segment begins with a dot"),
    get("an empty segment", "/live//cam.ts", "a path segment is empty"),
    get("a name of nothing", "/.ts", "a path segment is empty"),
    get("a segment of 65", "/live/" + "a" * 65 + ".ts",
        "a path segment has more than 64 characters"),
    get("nine segments", "/1/2/3/4/5/6/7/8/9.ts", "the path has more than eight segments"),
    get("a reserved beginning", "/api/cam.ts",
        "a stream's path cannot begin with the reserved name api"),
    get("a reserved end", "/live/index.mp4",
        "a stream's path cannot end in the reserved name index"),
    get("nothing there", "/live/nobody.ts", "no stream live/nobody: nobody publishes it", 404),
    get("no container", "/live/cam", "there is nothing here: a stream ends in .ts or .mp4", 404),
    get("a query out of bounds", "/live/cam.ts?wait=61", "wait: seconds from 0 to 60"),
    get("a query twice", "/live/cam.ts?wait=1&wait=2", "wait is given twice"),
    get("a query in a broken encoding", "/live/cam.ts?wait=%", "wait: seconds from 0 to 60"),
    get("a query of 15 KiB", "/live/nobody.ts?" + "a=%&" * 3800,
        "no stream live/nobody: nobody publishes it", 404),
]

FIELDS = [
    head("no Host", b"GET / HTTP/1.1", host=None, reason=HOST),
    head("two Hosts", b"GET / HTTP/1.1", b"Host: b", reason=HOST),
    head("an empty Host", b"GET / HTTP/1.1", host=b"Host:", reason=HOST),
    head("a list of Hosts", b"GET / HTTP/1.1", host=b"Host: a, b", reason=HOST),
    head("a Host with a path", b"GET / HTTP/1.1", host=b"Host: a/b", reason=HOST),
    head("an absolute form without Host", b"GET http://a/ HTTP/1.1", host=None, reason=HOST),
    head("obs-fold", b"GET / HTTP/1.1", b"X: a", b" b", reason=FIELD),
    head("obs-fold of the first field", b"GET / HTTP/1.1", host=b" Host: a", reason=FIELD),
    head("a blank before the colon", b"GET / HTTP/1.1", b"X : a", reason=FIELD),
    head("a tab before the colon", b"GET / HTTP/1.1", b"X\t: a", reason=FIELD),
    head("no colon", b"GET / HTTP/1.1", b"X", reason=FIELD),
    head("no name", b"GET / HTTP/1.1", b": x", reason=FIELD),
    head("a name that is no token", b"GET / HTTP/1.1", b"X(Y): x", reason=FIELD),
    head("NUL in a value", b"GET / HTTP/1.1", b"X: a\0b"),
    head("a control character in a value", b"GET / HTTP/1.1", b"X: a\x1bb"),
    head("a bare CR in a value", b"GET / HTTP/1.1", b"X: a\rb"),
    refused("bare LF everywhere", SECOND.replace(b"\r\n", b"\n"), 400, REQUEST),
    refused("one bare LF", b"GET / HTTP/1.1\nHost: a\r\n\r\n" + SECOND, 400, REQUEST),
    refused("a bare LF that ends the head", b"GET / HTTP/1.1\r\nHost: a\r\n\n" + SECOND, 400,
            REQUEST),
    refused("a field in a bare LF", b"GET / HTTP/1.1\r\nHost: a\r\nX: a\nContent-Length: 9\r\n\r\n",
            400, REQUEST),
    head("two Authorizations", b"GET / HTTP/1.1", b"Authorization: a", b"Authorization: b",
         reason="a header field that may come once came twice"),
    put("an unknown expectation", b"Content-Length: 5", b"Expect: something", status=417,
        reason="the only expectation met here is 100-continue"),
]

# Whoever reads the length of a body differently from the balancer in front takes the rest of it for
# a request of somebody else: so there is one reading, and no other request after a refusal.
LENGTHS = [
    put("CL.TE", b"Content-Length: 5", b"Transfer-Encoding: chunked"),
    put("TE.CL", b"Transfer-Encoding: chunked", b"Content-Length: 5"),
    put("TE.TE", b"Transfer-Encoding: chunked", b"Transfer-Encoding: identity"),
    put("TE.TE, both chunked", b"Transfer-Encoding: chunked", b"Transfer-Encoding: chunked"),
    put("chunked not last", b"Transfer-Encoding: chunked, gzip"),
    put("another coding first", b"Transfer-Encoding: gzip, chunked"),
    put("chunked twice", b"Transfer-Encoding: chunked, chunked"),
    put("xchunked", b"Transfer-Encoding: xchunked"),
    put("chunked in quotes", b'Transfer-Encoding: "chunked"'),
    put("chunked with a parameter", b"Transfer-Encoding: chunked;q=1"),
    put("identity", b"Transfer-Encoding: identity"),
    put("an empty coding", b"Transfer-Encoding:"),
    put("a vertical tab before chunked", b"Transfer-Encoding: \x0bchunked", reason=REQUEST),
    put("a blank before the colon of a coding", b"Transfer-Encoding : chunked", reason=FIELD),
    put("a coding in a folded line", b"Transfer-Encoding:", b" chunked", reason=FIELD),
    head("chunked in HTTP/1.0", b"PUT /live/cam.ts HTTP/1.0", b"Transfer-Encoding: chunked",
         reason=LENGTH),
    put("two lengths", b"Content-Length: 5", b"Content-Length: 6"),
    put("the same length twice", b"Content-Length: 5", b"Content-Length: 5"),
    put("a list of lengths", b"Content-Length: 5, 5"),
    put("a length with a sign", b"Content-Length: +5"),
    put("a length below zero", b"Content-Length: -1"),
    put("a hexadecimal length", b"Content-Length: 0x5"),
    put("a length with a blank", b"Content-Length: 5 5"),
    put("an empty length", b"Content-Length:"),
    put("a length of 2^64", b"Content-Length: 18446744073709551616"),
    put("a length beyond the clock", b"Content-Length: " + b"9" * 400),
    head("both for GET", b"GET /healthz HTTP/1.1", b"Content-Length: 5",
         b"Transfer-Encoding: chunked", reason=LENGTH),
    # Nobody reads the body of these; what lies in it is no request.
    head("a request in the body of GET", b"GET /live/nobody.ts HTTP/1.1",
         b"Content-Length: %d" % len(SECOND), status=404,
         reason="no stream live/nobody: nobody publishes it"),
    head("a request in the chunked body of DELETE", b"DELETE /live/cam.ts HTTP/1.1",
         b"Transfer-Encoding: chunked", status=405,
         reason="only these methods are possible here: GET, HEAD, PUT, POST, OPTIONS",
         fields=ALLOW_MEDIA, then=b"22\r\n" + SECOND + b"\r\n0\r\n\r\n"),
    Case("a request in the body of OPTIONS",
         lines(b"OPTIONS /live/cam.ts HTTP/1.1", b"Host: a", b"Content-Length: %d" % len(SECOND)),
         204, log=None, fields=ALLOW_MEDIA),
]


def method(name, target, allow, **more):
    return head(f"{name} {target}", f"{name} {target} HTTP/1.1", status=405,
                reason=f"only these methods are possible here: {allow['allow']}", fields=allow,
                **more)


METHODS = [
    method("DELETE", "/live/cam.ts", ALLOW_MEDIA),
    method("PATCH", "/live/cam.mp4", ALLOW_MEDIA),
    method("TRACE", "/live/cam.ts", ALLOW_MEDIA),
    method("CONNECT", "a:443", ALLOW_MEDIA),
    method("get", "/healthz", ALLOW_STATUS),
    method("X-" + "M" * 1000, "/live/cam.ts", ALLOW_MEDIA),
    method("DELETE", "/live/cam", ALLOW_STATUS),
    method("PUT", "/healthz", ALLOW_STATUS),
    method("POST", "/api/v1/streams", ALLOW_STATUS),
    head("a body to a place of another method", b"PUT /readyz HTTP/1.1", b"Content-Length: 5",
         status=405, reason="only these methods are possible here: GET, HEAD, OPTIONS",
         fields=ALLOW_STATUS, then=b"hello" + SECOND),
]


def sized(size):
    """A valid head of so many bytes."""
    bare = len(lines(b"GET /live/nobody.ts HTTP/1.1", b"Host: a", b"X: ", then=b""))
    return lines(b"GET /live/nobody.ts HTTP/1.1", b"Host: a", b"X: " + b"x" * (size - bare),
                 then=b"")


def many_fields(count):
    return lines(b"GET /live/nobody.ts HTTP/1.1", b"Host: a", *[b"X: y"] * (count - 1), then=b"")


MISSING = "no stream live/nobody: nobody publishes it"
SIZES = [
    refused("16 KiB are not too large", sized(16384), 404, MISSING, closed=False),
    refused("a byte over 16 KiB", sized(16385) + SECOND, 431, LARGE),
    refused("a head without an end", b"GET / HTTP/1.1\r\n" + b"X: y\r\n" * 100_000, 431, LARGE),
    refused("a request line without an end", b"GET /" + b"a" * 1_000_000, 431, LARGE),
    refused("a field without an end", b"GET / HTTP/1.1\r\nX: " + b"x" * 1_000_000, 431, LARGE),
    refused("128 fields are not too many", many_fields(128), 404, MISSING, closed=False),
    refused("129 fields", many_fields(129) + SECOND, 431, LARGE),
]


def half_closed(text):
    def send(sock):
        sock.sendall(text)
        sock.shutdown(1)
    return send


TIMES = [
    refused("a head that stops", b"GET /healthz HTTP/1.1\r\nHost: a\r\n", 408,
            "the request head took too long"),
    refused("a head behind a request", lines(b"GET /live/nobody.ts HTTP/1.1", b"Host: a",
                                             b"Content-Length: 1", then=b"x"), 404, MISSING),
    Case("a head that ends with the connection", half_closed(b"GET / HT"), None, log=None),
    Case("nothing at all, half closed", half_closed(b""), None, log=None),
]


@pytest.mark.parametrize("case", [*REQUEST_LINES, *TARGETS, *FIELDS, *LENGTHS, *METHODS, *SIZES,
                                  *TIMES], ids=lambda case: case.name)
def test_a_hostile_head(victim, case):
    hostile.attack(victim, case)
