"""As much of an ONVIF camera as tells where its stream is; wants a digest of the password."""

import base64
import hashlib
import http.server
import re
import threading


class Device:
    def __init__(self, stream_uri, user, password):
        self.uris = {"main": stream_uri, "sub": "rtsp://127.0.0.1:1/none"}
        self.user, self.password = user, password
        self.asked = []
        device = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_POST(self):
                request = self.rfile.read(int(self.headers["Content-Length"])).decode()
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
