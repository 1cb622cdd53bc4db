"""Plays the model APIs of OpenAI and Anthropic on loopback: `server.py PORT`.

It knows one short script (`../script.json`) and tells it to whoever plays the user's part, so that what each SDK reports
of the same conversation can be compared.
"""

import json
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import chat_completions
import messages
import responses

APIS = {
    "/v1/chat/completions": chat_completions,
    "/v1/responses": responses,
    "/v1/messages": messages,
}


class Stub(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    # Clients keep their connections; the test ends the stub.
    disable_nagle_algorithm = True

    def do_POST(self):
        request = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        api = APIS.get(self.path.partition("?")[0])
        if api is None:
            return self.send_json(404, {"error": {"message": f"the stub does not play {self.path}"}})
        try:
            said = api.next_answer(request)
        except ValueError as error:
            return self.send_json(400, {"error": {"message": str(error)}})
        if said.status != 200:
            # Clients would otherwise try a few times more, each with its own patience.
            return self.send_json(said.status, api.refusal(said), {"x-should-retry": "false"})
        if request.get("stream"):
            return self.send_events(api.events(request, said))
        return self.send_json(200, api.whole(request, said))

    def send_json(self, status: int, body: dict, headers: dict[str, str] | None = None):
        payload = json.dumps(body).encode()
        self.send_response(status)
        for name, value in (headers or {}).items():
            self.send_header(name, value)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(payload)))
        self.end_headers()
        self.wfile.write(payload)

    def send_events(self, events):
        self.send_response(200)
        self.send_header("Content-Type", "text/event-stream")
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        for name, data in events:
            text = data if isinstance(data, str) else json.dumps(data)
            event = (f"event: {name}\n" if name else "") + f"data: {text}\n\n"
            self.send_chunk(event.encode())
        self.send_chunk(b"")

    def send_chunk(self, chunk: bytes):
        self.wfile.write(f"{len(chunk):x}\r\n".encode() + chunk + b"\r\n")

    def log_message(self, format, *arguments):
        print(format % arguments, file=sys.stderr, flush=True)


if __name__ == "__main__":
    ThreadingHTTPServer(("127.0.0.1", int(sys.argv[1])), Stub).serve_forever()
