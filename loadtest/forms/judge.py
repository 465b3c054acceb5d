"""Forms that are odd in every way that is known of, through the gateway, and read by the libraries that servers are made of.

    python3 -m venv build/forms && build/forms/bin/pip install -r loadtest/forms/requirements.txt
    build/forms/bin/python loadtest/forms/judge.py ./uni-api [SECONDS]

A client key may use one model; the forms name it, and hide another one where some reader may find it. Whatever the gateway lets through is read
by each library. The script fails if one of them finds anything for the model but what the gateway has put there, or if a plain form is refused.
"""
import asyncio
import io
import json
import os
import random
import socket
import subprocess
import sys
import tempfile
import threading
import time
import urllib.error
import urllib.request
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import django
import multipart
from django.conf import settings
from django.core.files.uploadhandler import MemoryFileUploadHandler
from django.http.multipartparser import MultiPartParser as DjangoParser
from requests_toolbelt import MultipartDecoder
from starlette.datastructures import Headers
from starlette.formparsers import MultiPartParser as StarletteParser
from werkzeug.formparser import FormDataParser

settings.configure(DATA_UPLOAD_MAX_NUMBER_FIELDS=None)
django.setup()

ALLOWED, HIDDEN, UPSTREAM = "allowed-model", "hidden-model", "upstream-model"


# ---------------------------------------------------------------- readers: each gives (name, text of a field or None of a file)

def werkzeug(kind, body):
    _, fields, files = FormDataParser(silent=False).parse(io.BytesIO(body), "multipart/form-data", len(body), dict(options(kind)))
    return [(k, v) for k, v in fields.items(multi=True)] + [(k, None) for k, _ in files.items(multi=True)]


def starlette(kind, body):
    async def chunks():
        yield body

    async def read():
        form = await StarletteParser(Headers({"content-type": kind}), chunks()).parse()
        return [(k, v if isinstance(v, str) else None) for k, v in form.multi_items()]
    return asyncio.run(read())


def bottle(kind, body):
    parser = multipart.MultipartParser(io.BytesIO(body), options(kind)["boundary"], strict=False)
    return [(p.name, None if p.filename else p.value) for p in parser]


def django_(kind, body):
    meta = {"CONTENT_TYPE": kind, "CONTENT_LENGTH": len(body)}
    fields, files = DjangoParser(meta, io.BytesIO(body), [MemoryFileUploadHandler()]).parse()
    return [(k, v) for k, vs in fields.lists() for v in vs] + [(k, None) for k in files]


def toolbelt(kind, body):
    out = []
    for part in MultipartDecoder(body, kind).parts:
        disposition = part.headers.get(b"Content-Disposition", b"").decode("latin-1")
        for piece in disposition.replace("\\", "").split(";"):
            name, _, value = piece.strip().partition("=")
            if name.lower() == "name":
                out.append((value.strip('"'), part.text))
    return out


def options(kind):
    from werkzeug.http import parse_options_header
    return parse_options_header(kind)[1]


READERS = [werkzeug, starlette, bottle, django_, toolbelt]


# ---------------------------------------------------------------- forms

def pick(r, usual, *odd):
    """What is usual, or now and then something odd."""
    return r.choice(odd) if r.random() < 0.12 else usual


def disposition(r, name):
    name = pick(r, name, name.upper(), name + "[]", " " + name, name + "\\", "mod%65l", "=?utf-8?q?model?=", name + "\0", "[" + name + "]", "", name + '\\"')
    key = pick(r, "name", "Name", "name*", "name*0", "name ", "x; name", 'name="x"; name', "name=x; name", "filename")
    value = pick(r, '"%s"' % name, name, "UTF-8''" + name, '"%s' % name, "'%s'" % name, '"%s";' % name, '"%s"x' % name)
    more = pick(r, "", '; filename=""', '; filename="a"', "; filename*=UTF-8''a", '; filename="a\\"; name=\\"model"', '; filename="a\\\\"; name="model"', "; size=1",
                "; filename*0=a", '; filename="\u2028Content-Disposition: form-data; name=model"', '; filename="a\nContent-Disposition: form-data; name=model"')
    head = pick(r, "Content-Disposition", "content-disposition", "Content-Disposition ", "Content_Disposition", " Content-Disposition", "Content-Disposition\t")
    return "%s%s %s%s %s=%s%s" % (head, pick(r, ":", " :", ":\r\n", ": \r\n"), pick(r, "form-data", "Form-Data", "attachment", "file"), pick(r, ";", ";;", ",", "; ;"), key, value, more)


def part(r, boundary, name, value):
    end = pick(r, "\r\n", "\n", "\r", "\r\n ", "\u2028", "\x0b", "\x85")
    lines = [disposition(r, name)]
    for _ in range(pick(r, 0, 1, 2)):
        lines.insert(r.randrange(len(lines) + 1), r.choice([
            disposition(r, "x"), disposition(r, "model"), "Content-Type: text/plain; charset=utf-7", "Content-Type: text/plain; charset=utf-16", "Content-Type: text/plain",
            "Content-Type: multipart/mixed; boundary=c", "Content-Transfer-Encoding: base64", "Content-Transfer-Encoding: quoted-printable", "Content-Length: 3", "X: y", ""]))
    value = pick(r, value, value + "\n--" + boundary + "\nContent-Disposition: form-data; name=\"model\"\n\n" + HIDDEN + "\n", "\r\n" + value, value + "\r--" + boundary + "--\r", "",
                 value + "\r\n--" + boundary + "x\r\n", value + "--" + boundary)
    return pick(r, "", " ", "\r\n", "x") + "--" + boundary + pick(r, "\r\n", "\n", " \r\n", "\t\r\n", "--\r\n") + end.join(lines) + pick(r, "\r\n\r\n", "\n\n", "\r\n\n", "\n\r\n") + value + pick(r, "\r\n", "\n", "\r", "")


def form(r):
    boundary = pick(r, "b", "----b", "=b=", "b'c", "B")
    fields = [("model", ALLOWED)]
    for _ in range(r.randrange(3)):
        fields.insert(r.randrange(len(fields) + 1), r.choice([("model", HIDDEN), ("x", HIDDEN), ("file", HIDDEN), ("prompt", "p")]))
    body = "".join(part(r, boundary, *f) for f in fields) + "--" + boundary + pick(r, "--\r\n", "--", "", "--\n", "--x", "-")
    body += pick(r, "", part(r, boundary, "model", HIDDEN) + "--" + boundary + "--\r\n")
    quoted = '"%s"' % boundary if "=" in boundary else pick(r, boundary, '"%s"' % boundary, '"\\%s"' % boundary)
    kind = pick(r, "multipart/form-data", "Multipart/Form-Data", "multipart/mixed") + pick(r, "; ", ";", " ; ", ", ") + pick(r, "boundary=", "Boundary=", "boundary*=", "boundary=c; boundary=", "boundary*0=") + quoted
    kind += pick(r, "", "; boundary=c", "; charset=utf-16", "; charset=utf-7", "; charset=utf-8", ";", "; boundary=" + quoted)
    return kind, pick(r, "", "\r\n", "preamble\r\n").encode() + body.encode("utf-8", "surrogateescape")


# ---------------------------------------------------------------- the gateway between them

class Upstream(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    last = {}

    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        Upstream.last[self.headers["X-Number"]] = (self.headers["Content-Type"], body)
        answer = b'{"text":"x"}'
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)

    def log_message(self, *_):
        pass


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def judged(kind, body):
    """What is wrong with a form that was let through."""
    for reader in READERS:
        try:
            fields = reader(kind, body)
        except Exception:
            continue  # it refuses what the gateway takes: nobody gets another model
        models = [v for k, v in fields if k and k.strip("[]\0 .").split("[")[0].lower() == "model"]
        if models != [UPSTREAM]:
            return "%s reads %r" % (reader.__name__, models)
    return None


def main():
    binary, seconds = os.path.abspath(sys.argv[1]), float(sys.argv[2]) if len(sys.argv) > 2 else 60
    upstream = ThreadingHTTPServer(("127.0.0.1", 0), Upstream)
    threading.Thread(target=upstream.serve_forever, daemon=True).start()
    folder, port = tempfile.mkdtemp(), free_port()
    with open(folder + "/api.yaml", "w") as f:
        json.dump({"providers": [{"provider": "p", "base_url": "http://127.0.0.1:%d/v1" % upstream.server_port, "api": "k", "model": [{UPSTREAM: ALLOWED}, HIDDEN],
                                  "preferences": {"passthrough_request_headers": ["X-Number"]}}],
                   "api_keys": [{"api": "sk-judge-0123456789", "role": "judge", "model": ["p/" + ALLOWED]}]}, f)
    gateway = subprocess.Popen([binary, "--config", folder + "/api.yaml", "--listen", "127.0.0.1:%d" % port, "--data", folder + "/data"], stderr=subprocess.DEVNULL)
    url = "http://127.0.0.1:%d/v1/audio/transcriptions" % port

    def send(number, kind, body):
        request = urllib.request.Request(url, body, {"Content-Type": kind, "Authorization": "Bearer sk-judge-0123456789", "X-Number": str(number)})
        try:
            return urllib.request.urlopen(request, timeout=10).status
        except urllib.error.HTTPError as e:
            return e.code
    try:
        while True:
            try:
                socket.create_connection(("127.0.0.1", port)).close()
                break
            except OSError:
                time.sleep(0.02)
        plain = ("--b\r\nContent-Disposition: form-data; name=\"model\"\r\n\r\n%s\r\n--b--\r\n" % ALLOWED).encode()
        assert send("plain", "multipart/form-data; boundary=b", plain) == 200, "a plain form is refused"
        assert judged(*Upstream.last["plain"]) is None
        r, until = random.Random(int(os.environ.get("SEED", time.time()))), time.time() + seconds
        counts, bad = {}, 0
        number = 0
        while time.time() < until:
            number += 1
            kind, body = form(r)
            status = send(number, kind.encode("latin-1", "replace").decode("latin-1"), body)
            counts[status] = counts.get(status, 0) + 1
            passed = Upstream.last.pop(str(number), None)
            wrong = passed and judged(*passed)
            if wrong or status not in (200, 400, 404):
                bad += 1
                print(status, wrong, kind, body, passed, sep="\n", end="\n\n")
        print("forms by status: %s; read otherwise by some reader: %d" % (counts, bad))
        sys.exit(bad > 0)
    finally:
        gateway.kill()


main()
