"""uni-api's own load test: users who each ask for a streamed answer, read it
to its end, wait a little and ask again.

    locust -f loadtest/locustfile.py --headless --only-summary \
        --host http://127.0.0.1:8000 -u 100 -r 10 -t 120s

The key comes from UNI_API_KEY, the host from --host or LOCUST_HOST. Two rows
are reported, both in ms from the moment the request is sent: the request
itself, whose time is that of the headers, and "first byte", whose time is that
of the first byte of the body. loadtest/run.sh runs all of it.
"""

import os
import time

from locust import HttpUser, between, task

KEY = os.environ.get("UNI_API_KEY", "sk-xxx")


class ChatUser(HttpUser):
    host = "http://localhost:8000"
    wait_time = between(0.1, 0.5)

    @task
    def stream_chat(self):
        sent = time.perf_counter()
        with self.client.post(
            "/v1/chat/completions",
            headers={"Authorization": f"Bearer {KEY}"},
            json={
                "model": "gpt-4o",
                "messages": [{"role": "user", "content": "Hello, world!"}],
                "stream": True,
            },
            stream=True,
            catch_response=True,
        ) as response:
            if response.status_code != 200:
                response.failure(f"status {response.status_code}: {response.text[:200]}")
                return
            pieces = response.iter_content(chunk_size=None)
            body = next(pieces, b"")
            self.report_first_byte((time.perf_counter() - sent) * 1000, len(body))
            for piece in pieces:
                body += piece
            if body.rstrip().endswith(b"data: [DONE]"):
                response.success()
            else:
                response.failure(f"the stream ended without [DONE], in {body[-80:]!r}")

    def report_first_byte(self, milliseconds, length):
        self.environment.events.request.fire(
            request_type="SSE",
            name="first byte",
            response_time=milliseconds,
            response_length=length,
            context=self.context(),
            exception=None,
        )
