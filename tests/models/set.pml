/* A set of endpoints, as kernel/set.c keeps it: threads of one process wait for all its members at once, a message wakes
 * one of them, and one who is on his way ("coming") may be told of an event instead. Every section under the kernel lock
 * is one atomic step.
 *
 * Claims: while a member is ready and anybody waits, somebody is coming; who is coming is counted; a member is on the
 * ready list exactly while it has a message or its peer is closed; at rest no message lies while anybody waits.
 * Left out: quotas and bad buffers (the message stays where it is), the hand-over to the one thread of a process
 * (handover.pml), sets that are closed, and the order of members (fairness).
 *
 * BREAK 1: who received does not look whether he leaves something behind
 * BREAK 2: who is told of an event instead wakes nobody else
 * BREAK 3: a member that has a message already is put in silently
 * BREAK 4: who came stays counted
 * BREAK 5: direct reception leaves the member on the ready list
 * BREAK 6: the death of a peer wakes nobody */
byte broken; /* the number of a BREAK, or 0 */
#define MEMBERS 2
#define THREADS 3
#ifndef MESSAGES
#define MESSAGES 3 /* sent in all, to each member */
#endif
#ifndef EVENTS
#define EVENTS 1
#endif
#ifndef TIMEOUTS
#define TIMEOUTS 1
#endif

mtype = { USER, WAITING, READY };

byte queued[MEMBERS];
bool peer_closed[MEMBERS];
bool inside[MEMBERS];  /* in the set */
bool ready[MEMBERS];
mtype state[THREADS] = USER;
bool coming[THREADS];
byte coming_count;
chan ready_list = [MEMBERS] of { byte };
chan waiters = [THREADS] of { byte };
byte events = EVENTS, timeouts = TIMEOUTS;

inline wake_one() {
  if
  :: len(ready_list) && len(waiters) ->
    waiters?woken;
    state[woken] = READY;
    coming[woken] = true;
    coming_count++
  :: else
  fi
}

inline wake_if_none_comes() {
  if
  :: !coming_count -> wake_one()
  :: else
  fi
}

inline came(t) {
  if
  :: broken != 4 ->
    coming_count = coming_count - coming[t]
  :: else
  fi;
  coming[t] = false
}

/* Behind the others of its list: that of the ready ones, or of the rest. */
inline place(m) {
  if
  :: ready[m] -> ready_list??eval(m)
  :: else
  fi;
  ready[m] = queued[m] || peer_closed[m];
  if
  :: ready[m] -> ready_list!m
  :: else
  fi
}

inline arrived(m) {
  if
  :: inside[m] ->
    if
    :: !ready[m] -> place(m)
    :: else
    fi;
    wake_one()
  :: else
  fi
}

#define GOOD \
  (!(len(ready_list) && len(waiters)) || coming_count) && \
  coming_count == coming[0] + coming[1] + coming[2] && \
  (!inside[0] || ready[0] == (queued[0] || peer_closed[0])) && \
  (!inside[1] || ready[1] == (queued[1] || peer_closed[1]))

inline receive(t, may_wait) {
  came(t);
  if
  :: len(ready_list) == 0 && may_wait ->
    state[t] = WAITING;
    waiters!t
  :: len(ready_list) == 0 && !may_wait ->
    state[t] = USER
  :: len(ready_list) ->
    ready_list?<m>;
    if
    :: queued[m] -> queued[m]--; place(m)
    :: else -> /* closed: its holder gives it up */
      ready_list??eval(m);
      ready[m] = false;
      inside[m] = false
    fi;
    state[t] = USER
  fi;
  if
  :: broken != 1 ->
    if
    :: state[t] == USER -> wake_if_none_comes()
    :: else
    fi
  :: else
  fi;
  assert(GOOD)
}

proctype thread(byte self) {
  byte m, woken;
end:
  do
  :: atomic { state[self] == USER -> receive(self, true); m = 0; woken = 0 }
  :: atomic { state[self] == READY -> receive(self, true); m = 0; woken = 0 }
  /* channel_receive of one member, by whoever runs. */
  :: atomic {
      state[self] == USER && self == 1 ->
      select (m : 0 .. MEMBERS - 1);
      if
      :: inside[m] && queued[m] ->
        queued[m]--;
        if
        :: broken != 5 ->
          if
          :: !queued[m] && !peer_closed[m] -> place(m)
          :: else
          fi
        :: else
        fi;
        assert(GOOD)
      :: else
      fi;
      m = 0
    }
  /* His deadline passes: he is woken, but nobody is coming because of that. */
  :: atomic {
      state[self] == WAITING && timeouts ->
      timeouts--;
      waiters??eval(self);
      state[self] = READY;
      assert(GOOD)
    }
  /* An event: his call ends without a message. Only the process's first thread is told. */
  :: atomic {
      self == 0 && events && state[self] != USER ->
      events--;
      if
      :: state[self] == WAITING -> waiters??eval(self)
      :: else ->
        if
        :: broken != 2 ->
          came(self);
          wake_if_none_comes()
        :: else ->
          coming_count = coming_count - coming[self];
          coming[self] = false
        fi;
      fi;
      state[self] = USER;
      woken = 0;
      assert(GOOD)
    }
  od
}

proctype peer(byte m) {
  byte sent, woken;
  do
  :: atomic { sent < MESSAGES && queued[m] < 2 -> sent++; queued[m]++; arrived(m); woken = 0; assert(GOOD) }
  :: atomic {
      sent == MESSAGES ->
      peer_closed[m] = true;
      if
      :: broken != 6 ->
        arrived(m)
      :: else ->
        if
        :: inside[m] && !ready[m] -> place(m)
        :: else
        fi
      fi;
      woken = 0;
      assert(GOOD);
      break
    }
  :: atomic {
      !inside[m] && sent < MESSAGES -> /* put in, at some time, with or without a message */
      inside[m] = true;
      place(m);
      if
      :: broken != 3 ->
        wake_if_none_comes()
      :: else
      fi;
      woken = 0;
      assert(GOOD)
    }
  od
}

/* At rest: everybody waits. */
proctype rest() {
end:
  do
  :: timeout ->
    assert(!len(ready_list));
    assert(!inside[0] || (!queued[0] && !peer_closed[0]));
    assert(!inside[1] || (!queued[1] && !peer_closed[1]));
    break
  od
}

init {
  atomic {
    c_code { now.broken = getenv("BREAK") ? atoi(getenv("BREAK")) : 0; };
    run thread(0); run thread(1); run thread(2);
    run peer(0); run peer(1);
    run rest()
  }
}
