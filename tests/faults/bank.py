"""A bank: transactions of the sealed SQLite that an observer outside can check. Every transfer is logged in the transaction
that makes it, so that the balances follow from the log; what was acknowledged has to be there, what was refused must not be.
"""

import functools
import random
import re
import shutil
import sqlite3
import subprocess
import tempfile
import threading
import time

ACCOUNTS = 40
BALANCE = 1000
JOURNALS = ["DELETE", "TRUNCATE", "PERSIST"]
ANSWER = re.compile(rb"(ack|hello) (\d+)(?: (\d)(\d))?")
# What SQLite itself takes for committed: the row that a trigger writes into memory in the same transaction is there only if COMMIT
# succeeded. That the transfer can be read is not enough: to one who is told by the host that it cannot look for a journal (ENOMEM,
# say) SQLite shows what a COMMIT that failed had written already, and takes it back when it finds the journal.
WITNESS = """PRAGMA temp_store = MEMORY;
CREATE TEMP TABLE IF NOT EXISTS done (n INTEGER PRIMARY KEY);
CREATE TEMP TRIGGER IF NOT EXISTS witness AFTER INSERT ON main.log BEGIN INSERT INTO done VALUES (new.n); END;
"""


@functools.cache
def empty(journal):
    """The bytes of the database as it is before anything happens."""
    with tempfile.NamedTemporaryFile() as file:
        make(file.name, journal)
        return file.read()


def make(path, journal):
    with sqlite3.connect(path) as database:
        database.executescript("""
            PRAGMA page_size = 1024;
            PRAGMA journal_mode = %s;
            CREATE TABLE account (id INTEGER PRIMARY KEY, balance INTEGER NOT NULL);
            CREATE TABLE log (n INTEGER PRIMARY KEY, origin INTEGER, target INTEGER, amount INTEGER, filler TEXT);
            CREATE INDEX log_origin ON log (origin, amount);
            CREATE TRIGGER transfer AFTER INSERT ON log BEGIN
              UPDATE account SET balance = balance - new.amount WHERE id = new.origin;
              UPDATE account SET balance = balance + new.amount WHERE id = new.target;
            END;
            WITH RECURSIVE i(id) AS (SELECT 1 UNION ALL SELECT id + 1 FROM i WHERE id < %d)
            INSERT INTO account SELECT id, %d FROM i;""" % (journal, ACCOUNTS, BALANCE))
    database.close()


class Ledger:
    """What was asked of the database, and what it said."""

    def __init__(self, seed):
        self.random = random.Random(seed)
        self.asked = {}  # number -> (from, to, amount)
        self.acknowledged, self.refused, self.doubtful = set(), set(), set()  # doubtful: COMMIT failed, and it could be read
        self.n = 0

    def next(self):
        self.n += 1
        self.asked[self.n] = (self.random.randint(1, ACCOUNTS), self.random.randint(1, ACCOUNTS), self.random.randint(1, 99))
        return self.n

    def script(self, n):
        origin, target, amount = self.asked[n]
        # One statement does it all: SQLite gives up a whole transaction when the host fails, and goes on behind it.
        return ("BEGIN IMMEDIATE;\nINSERT INTO log VALUES (%d, %d, %d, %d, hex(zeroblob(%d)));\nCOMMIT;\nROLLBACK;\n"
                "SELECT 'ack %d ' || (SELECT count(*) FROM log WHERE n = %d) || (SELECT count(*) FROM done WHERE n = %d);\n" %
                (n, origin, target, amount, self.random.choice((10, 200, 3000)), n, n, n))

    def wrong(self, path, acknowledged=None):
        """What the host's SQLite finds wrong with the database there, which it may have to recover first; None: it is right."""
        acknowledged = self.acknowledged if acknowledged is None else acknowledged
        database = sqlite3.connect(path)
        try:
            verdict = database.execute("PRAGMA integrity_check").fetchone()[0]
            if verdict != "ok":
                return "integrity: " + verdict
            log = {row[0]: row[1:] for row in database.execute("SELECT n, origin, target, amount FROM log")}
            balances = dict(database.execute("SELECT id, balance FROM account"))
        except sqlite3.Error as error:
            return "it cannot be read: %s" % error
        finally:
            database.close()
        lost = sorted(acknowledged - set(log))
        if lost:
            return "acknowledged and lost: %s" % lost[:5]
        risen = sorted(self.refused & set(log))
        if risen:
            return "refused, and there: %s" % risen[:5]
        for n, row in log.items():
            if self.asked.get(n) != row:
                return "transfer %d is %s and was %s" % (n, row, self.asked.get(n))
        expected = dict.fromkeys(range(1, ACCOUNTS + 1), BALANCE)
        for origin, target, amount in log.values():
            expected[origin] -= amount
            expected[target] += amount
        if balances != expected:
            return "the balances do not follow from the log"
        return None


def wrong_sealed(signet, image, folder):
    """What the sealed SQLite says of it."""
    done = subprocess.run([signet, "run", "--dir", folder + "::/db", image, "/db/bank.db",
                           "PRAGMA integrity_check; SELECT sum(balance) FROM account;"], capture_output=True, text=True, timeout=60)
    if done.returncode == 0 and done.stdout.split() == ["ok", str(ACCOUNTS * BALANCE)]:
        return None
    return "sealed: status %d, %r %r" % (done.returncode, done.stdout[-200:], done.stderr[-200:])


def check(ledger, folder, signet=None, image=None):
    """Both verdicts on copies of the folder as it is, journal and all; None: all is right."""
    with tempfile.TemporaryDirectory() as scratch:
        shutil.copytree(folder, scratch + "/native", dirs_exist_ok=True)
        found = ledger.wrong(scratch + "/native/bank.db")
        if not found and signet:
            shutil.copytree(folder, scratch + "/sealed", dirs_exist_ok=True)
            found = wrong_sealed(signet, image, scratch + "/sealed")
            # What it recovered is what the host's would.
            found = found or ledger.wrong(scratch + "/sealed/bank.db")
        return found


class Teller(threading.Thread):
    """Asks for one transfer after another over the standard input of the system; hears its answers on its output."""

    def __init__(self, ledger, to, back, journal, synchronous="EXTRA", on_answer=None):
        super().__init__(daemon=True)
        self.ledger, self.to, self.back = ledger, to, back
        # Before each transfer: who answers may be a successor, to whom nothing has been said.
        self.head = "PRAGMA journal_mode = %s;\nPRAGMA synchronous = %s;\nPRAGMA cache_size = 20;\n%s" % (journal, synchronous, WITNESS)
        self.on_answer = on_answer
        self.heard = {}
        self.changed = threading.Condition()
        self.going, self.idle = True, threading.Event()
        self.allowed = threading.Event()
        self.allowed.set()
        self.greetings = self.unanswered = 0
        self.patience = 1.0
        self.ended = False
        threading.Thread(target=self.listen, daemon=True).start()

    def listen(self):
        for line in iter(self.back.readline, b""):
            match = ANSWER.search(line)
            if not match:
                continue
            kind, n, there, done = match.group(1), int(match.group(2)), match.group(3), match.group(4)
            if kind == b"ack" and done:
                if done == b"1":
                    self.ledger.acknowledged.add(n)
                elif there == b"0":
                    self.ledger.refused.add(n)
                else:
                    self.ledger.doubtful.add(n)
                if self.on_answer:
                    self.on_answer(n, done == b"1")
            with self.changed:
                self.heard[kind] = n
                self.changed.notify_all()
        self.ended = True
        with self.changed:
            self.changed.notify_all()

    def say(self, text):
        try:
            self.to.write(text.encode())
            self.to.flush()
            return True
        except OSError:
            self.ended = True
            return False

    def await_answer(self, kind, n, patience):
        with self.changed:
            return self.changed.wait_for(lambda: self.heard.get(kind) == n or self.ended or not self.going, patience) and \
                self.heard.get(kind) == n

    def greet(self, patience):
        """Until somebody answers who is in no transaction and reads whole lines."""
        deadline = time.monotonic() + patience
        while time.monotonic() < deadline and not self.ended and self.going:
            self.greetings += 1
            if not self.say("\n;\nROLLBACK;\n.open /db/bank.db\nSELECT 'hello %d';\n" % self.greetings):
                return False
            if self.await_answer(b"hello", self.greetings, 0.3):
                return True
        return False

    def run(self):
        greeted = False
        while self.going and not self.ended:
            if not self.allowed.is_set():
                self.idle.set()
                self.allowed.wait(0.1)
                continue
            self.idle.clear()
            if not greeted and not self.greet(1.0):
                continue
            greeted = True
            n = self.ledger.next()
            if not self.say(self.head + self.ledger.script(n)):
                break
            if not self.await_answer(b"ack", n, self.patience):
                greeted = False
                self.unanswered += 1
            elif n in self.ledger.refused:
                time.sleep(0.01)
        self.idle.set()

    def pause(self):
        """No transaction is under way when this returns."""
        self.allowed.clear()
        self.idle.wait(20)

    def progress(self, patience):
        """True: something more is acknowledged within that time."""
        self.allowed.set()
        before, deadline = len(self.ledger.acknowledged), time.monotonic() + patience
        while time.monotonic() < deadline:
            if len(self.ledger.acknowledged) > before:
                return True
            time.sleep(0.01)
        return False
