"""As much of an ONVIF camera as tells where its stream is; wants a digest of the password.

`Network` answers the probes of WS-Discovery on the loopback interface, for such cameras and with
whatever else a test wants to be answered.
"""

import base64
import hashlib
import http.server
import re
import socket
import threading


class Device:
    def __init__(self, stream_uri, user, password):
        self.uris = {"main": stream_uri, "sub": "rtsp://127.0.0.1:1/none"}
        self.questions = 0
        self.user, self.password = user, password
        self.asked = []
        device = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_POST(self):
                request = self.rfile.read(int(self.headers["Content-Length"])).decode()
                device.questions += 1
                status, body = device.answer(request)
                data = f"<s:Envelope><s:Body>{body}</s:Body></s:Envelope>".encode()
                self.send_response(status)
                self.end_headers()
                self.wfile.write(data)

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.port = self.server.server_port
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.server.shutdown()
        self.server.server_close()

    def is_allowed(self, request):
        fields = {name: re.search(rf"<{name}[^>]*>([^<]*)</{name}>", request)
                  for name in ("Username", "Password", "Nonce", "Created")}
        if not all(fields.values()) or fields["Username"][1] != self.user:
            return False
        digest = hashlib.sha1(base64.b64decode(fields["Nonce"][1]) + fields["Created"][1].encode()
                              + self.password.encode()).digest()
        return base64.b64decode(fields["Password"][1]) == digest

    def answer(self, request):
        if "GetCapabilities" in request:  # says no more than where to ask
            return 200, (f"<tt:Media><tt:XAddr>http://127.0.0.1:{self.port}/media</tt:XAddr>"
                         "</tt:Media>")
        if not self.is_allowed(request):
            return 400, "<s:Fault><s:Value>ter:NotAuthorized</s:Value></s:Fault>"
        if "GetProfiles" in request:
            return 200, "".join(f'<trt:Profiles token="{token}"><tt:Name>{token}</tt:Name>'
                                "</trt:Profiles>" for token in self.uris)
        token = re.search("<ProfileToken>(.*)</ProfileToken>", request)[1]
        self.asked.append(token)
        return 200, f"<tt:Uri>{self.uris[token]}</tt:Uri>"

    def match(self, name, identity):
        return make_match(f"http://127.0.0.1:{self.port}/onvif/device_service", name, identity)


def make_match(addresses, name="", identity=""):
    return (f"<d:ProbeMatch><a:EndpointReference><a:Address>{identity}</a:Address>"
            "</a:EndpointReference><d:Types>dn:NetworkVideoTransmitter</d:Types>"
            f"<d:Scopes>onvif://www.onvif.org/type/ptz onvif://www.onvif.org/name/{name}</d:Scopes>"
            f"<d:XAddrs>{addresses}</d:XAddrs></d:ProbeMatch>")


def make_answer(*matches):
    return ("<s:Envelope><s:Body><d:ProbeMatches>" + "".join(matches)
            + "</d:ProbeMatches></s:Body></s:Envelope>").encode()


class Network:
    """Answers each probe that comes by multicast on the loopback interface with `answers`."""

    GROUP, PORT = "239.255.255.250", 3702

    def __init__(self, answers):
        self.answers, self.probes = answers, []
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 1 << 20)
        self.socket.bind((self.GROUP, self.PORT))
        self.socket.setsockopt(socket.IPPROTO_IP, socket.IP_ADD_MEMBERSHIP,
                               socket.inet_aton(self.GROUP) + socket.inet_aton("127.0.0.1"))
        # One that answers from an address; a group is none.
        self.sender = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.sender.bind(("127.0.0.1", 0))
        self.socket.settimeout(0.1)
        self.is_open = True
        self.thread = threading.Thread(target=self.run, daemon=True)
        self.thread.start()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.is_open = False
        self.thread.join(10)
        self.socket.close()
        self.sender.close()

    def run(self):
        while self.is_open:
            try:
                probe, sender = self.socket.recvfrom(65536)
            except TimeoutError:
                continue
            self.probes.append(probe)
            for answer in self.answers:
                self.sender.sendto(answer, sender)
