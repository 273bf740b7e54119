"""Clients of the running web system, for tests that break things meanwhile."""

import collections
import http.client
import threading
import time

WRONG, LOST, HUNG = "wrong", "connection lost", "hung"


class Client(threading.Thread):
    """Asks for one path after another, over a connection that it keeps, until `going` is False; counts by what came of it.

    `connect()` makes a connection of http.client; `kind(path, status, body)` names an answer, WRONG with a line in `problems`.
    A connection dies with the process that has it, and one that could not be made is a request lost, too."""

    def __init__(self, connect, paths, kind):
        super().__init__(daemon=True)
        self.connect, self.paths, self.kind = connect, paths, kind
        self.counts = collections.Counter()
        self.problems = []
        self.going = True

    def ask(self, connection, path):
        connection.request("GET", path)
        answer = connection.getresponse()
        body = answer.read()
        kind = self.kind(path, answer.status, body)
        self.counts[kind] += 1
        if kind == WRONG:
            self.problems.append("%s: %d, %d bytes: %r" % (path, answer.status, len(body), body[:80]))
        return not answer.will_close

    def run(self):
        connection, turn = None, 0
        while self.going:
            path = self.paths[turn % len(self.paths)]
            turn += 1
            try:
                if connection is None:
                    connection = self.connect()
                    connection.connect()
                kept = self.ask(connection, path)
            except (OSError, http.client.HTTPException) as error:
                kept = False
                self.counts[LOST] += 1
                if isinstance(error, TimeoutError):
                    self.problems.append("%s: no answer for a long time" % path)
                    self.counts[HUNG] += 1
                time.sleep(0.005)
            if connection and not kept:
                connection.close()
                connection = None
        if connection:
            connection.close()


def stopped(clients, tell):
    """Ends them; -> what they counted together. `tell` is given a few of their problems."""
    counts = collections.Counter()
    for client in clients:
        client.going = False
    for client in clients:
        client.join(30)
        counts += client.counts
        for problem in client.problems[:3]:
            tell(problem)
    return counts
