# SPDX-License-Identifier: Apache-2.0
"""Keep asking from several threads while something happens to the server."""
import http.client
import json
import threading


class Load:
    """Threads that score until told to stop.

    A failure counts as trap 14 says: a request on a fresh connection must be
    answered; on a reused one it may be lost when httpd closed the connection
    before the first byte of the answer (the keep-alive race), and is then sent
    again on a fresh one.
    """

    def __init__(self, server, token, path, body, good, threads=4,
                 per_connection=50):
        self.server = server
        self.path = path
        self.body = json.dumps(body)
        self.headers = {"Authorization": "Bearer " + token,
                        "Content-Type": "application/json"}
        self.good = good
        self.per_connection = per_connection
        self.count = 0
        self.failures = []
        self._stop = threading.Event()
        self._lock = threading.Lock()
        self._threads = [threading.Thread(target=self._run)
                         for _ in range(threads)]

    def __enter__(self):
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_):
        self._stop.set()
        for thread in self._threads:
            thread.join(60)

    def _note(self, failure):
        with self._lock:
            self.failures.append(failure)

    def _once(self, connection):
        """One request; returns False when the connection is used up."""
        connection.request("POST", self.path, self.body, self.headers)
        answer = connection.getresponse()
        text = answer.read().decode()
        with self._lock:
            self.count += 1
        if not self.good(answer.status, text):
            self._note("%d %s" % (answer.status, text[:300]))
        return not answer.will_close

    def _run(self):
        while not self._stop.is_set():
            connection = http.client.HTTPConnection(
                "127.0.0.1", self.server.port, timeout=60)
            used = 0
            try:
                while used < self.per_connection and not self._stop.is_set():
                    used += 1
                    if not self._once(connection):
                        break
            except (http.client.RemoteDisconnected, ConnectionResetError,
                    BrokenPipeError) as error:
                if used == 1:
                    self._note("fresh connection: %r" % error)
            except OSError as error:
                self._note(repr(error))
            finally:
                connection.close()
