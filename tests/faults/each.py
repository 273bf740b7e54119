"""Each call in turn: a short life of the whole system (its start, a request of each kind, two transfers, its end), in which
exactly one call to the host fails: the n-th of all, with each of its errors."""

import time

import bank
from system import System, say


def address(system):
    """Where in the program that was, for people."""
    if not system.plan.one_call:
        return "nothing failed"
    call = system.plan.call_at(system.plan.one_call - 1)
    return "%s failed with %d at 0x%x" % (call.name, call.errors[system.plan.one_error], system.plan.one_address)


def life(n, error, binary=None):
    """One life in which the n-th call fails. -> (kind of the call that failed or None, what was lost, what is wrong or None,
    how many calls there were)."""
    system = System(seed=n * 8 + error, journal=bank.JOURNALS[n % 3], **({"binary": binary} if binary else {}))
    try:
        system.plan.one, system.plan.one_error = n, error
        lost, wrong = follow(system)
        kind = system.plan.call_at(system.plan.one_call - 1).name if system.plan.one_call else None
        if wrong:
            wrong = "call %d, error %d: %s: %s" % (n, error, address(system), wrong)
            say(wrong)
            say("\n".join(line for line in system.log().splitlines() if "cannot rollback" not in line)[-1500:])
        return kind, lost, wrong, system.plan.total
    finally:
        system.close()


def follow(system):
    begin = time.monotonic()
    up = system.start(armed=True, wait=False) and system.serves(20)
    if not up:
        status = system.stop()
        told = [line for line in system.log().splitlines() if line.startswith("signet: ")]
        if (status == 125 and told) or (status == 1 and "memory exhausted" in system.log()):
            return "did not start, and said why", bank.check(system.ledger, system.database)
        return None, "it did not serve, and ended with %s; it said %r" % (status, told[-3:])
    system.teller.start()
    lost = "nothing"
    for _ in range(2):
        # Where the host failed when SQLite opened its database, that is read-only until it is opened again (docs/faults.md): who
        # operates it ends it.
        if not system.teller.progress(5) and not (system.kill("sqlite") and system.teller.progress(15)):
            return None, "no transfer was acknowledged for a long time"
    if system.teller.unanswered or system.ledger.refused:
        lost = "a transfer was refused, or not answered"
    system.teller.pause()
    if not system.serves(10):
        return None, "it does not serve any more"
    status = system.stop()
    log = system.log()
    if "panic" in log:
        return None, "kernel panic"
    if status != 0:
        return None, "it ended with %s" % status
    if " again" in log or "restarted" in log:
        lost = "a process ended, and came again"
    if time.monotonic() - begin > 30:
        return None, "it took %.0f seconds" % (time.monotonic() - begin)
    return lost, bank.check(system.ledger, system.database)
