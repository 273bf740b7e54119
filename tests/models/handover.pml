/* The short way of channel_call beside the general one, as kernel/{handover,channel,wait,schedule}.c do them: a process P
 * of two threads at the client's end, a process Q of one thread at the server's, two processors. Each section under the
 * kernel lock is one atomic step. Ends and processes have the same numbers: P and the client's end 0, Q and 1.
 *
 * Claims: a process runs on one processor at most, and whoever is ready has a process that is queued or runs; who waits
 * has nothing to receive; every request has one reply, which is its own; what is remembered of who asked where agrees on
 * both sides; who waits for his answer waits there alone. So the short way does what the general one would, and no more.
 * Left out: which of several processes comes first (the short way may be given up at any time), copying (contents are
 * one number), sets, deadlines, messages that move something (the short way does not take them), the trace.
 *
 * BREAK 1: the receiver's process may be running already
 * BREAK 2: another thread of the caller's process may be ready
 * BREAK 3: others may wait at the caller's own end
 * BREAK 4: that somebody waits at an end is not noted there
 * BREAK 5: who comes to wait does not put the asker on the list
 * BREAK 6: a receiver that is handed over to stays on the list
 * BREAK 7: the place of an asker that waits is taken by another thread
 * BREAK 8: a message wakes those on the list, but not the asker
 * BREAK 9: who is woken from the wait for his answer would send his message again
 * BREAK 10: a close forgets who asked there */
byte broken; /* the number of a BREAK, or 0 */
#define THREADS 3
#define NOBODY 3
#define NOWHERE 2
#ifndef REQUESTS
#define REQUESTS 3
#endif
#ifndef EVENTS
#define EVENTS 1
#endif

mtype = { RUNNING, READY, WAITING, DEAD };
mtype = { NONE, OBJECTS, ANSWER, WORD };
mtype = { IDLE, QUEUED, ACTIVE, STOPPED };
mtype = { CALL, RECEIVE };

#define PROCESS(t) ((t) / 2)

mtype state[THREADS], wait[THREADS], call[THREADS];
bool sent[THREADS], retry[THREADS], on_list[THREADS];
byte asked[THREADS];
mtype phase[2];
byte asker[2], listed[2];
bool queued[2];      /* a message for that end: a slot is enough for this contract */
byte message[2];
bool closed[2];
byte current[2];     /* of each processor */
bool server_turn;    /* the contract's state: the client may send, or the server */
byte requests;       /* made so far: the number of the last */
bool outstanding;    /* its reply has not been received */
byte holds;          /* the request that the server has received last */
byte events = EVENTS;

#define WAITS_ON_LIST(e) ((on_list[0] && e == 0) || (on_list[1] && e == 0) || (on_list[2] && e == 1))
#define SOME_READY(p) ((p == 0 && (state[0] == READY || state[1] == READY)) || (p == 1 && state[2] == READY))
#define IS_ANSWER(t) ((t) != NOBODY && wait[(t) % THREADS] == ANSWER)

inline forget(who) {
  spot = asked[who];
  if
  :: spot != NOWHERE -> asker[spot] = NOBODY; asked[who] = NOWHERE
  :: else
  fi;
  spot = 0
}

inline cancel(waiter) {
  if
  :: wait[waiter] == ANSWER && broken != 9 -> sent[waiter] = true
  :: else
  fi;
  on_list[waiter] = false;
  wait[waiter] = NONE
}

inline make_ready(woken, again) {
  assert(state[woken] == WAITING);
  cancel(woken);
  state[woken] = READY;
  retry[woken] = again;
  if
  :: phase[PROCESS(woken)] == IDLE -> phase[PROCESS(woken)] = QUEUED
  :: else
  fi
}

inline wake_at(place) {
  if
  :: broken != 8 && IS_ANSWER(asker[place]) -> make_ready(asker[place], true)
  :: else
  fi;
  for (w : 0 .. THREADS - 1) {
    if
    :: PROCESS(w) == place && on_list[w] -> make_ready(w, true)
    :: else
    fi
  }
  w = 0;
  listed[place] = 0
}

/* What a thread has received. */
inline took(taker, number) {
  if
  :: PROCESS(taker) == 0 -> assert(number == requests && outstanding); outstanding = false
  :: else -> assert(number == requests && holds != number); holds = number
  fi
}

/* An end that its holder gives up, by a call or by dying. Who waits there in his process makes his call again, and finds
 * no handle; who asked there is forgotten, so that the short way does not take the end for good. */
inline close(gone) {
  wake_at(gone);
  if
  :: asker[gone] != NOBODY && broken != 10 -> other = asker[gone]; forget(other); other = 0
  :: else
  fi;
  closed[gone] = true;
  queued[gone] = false;
  message[gone] = 0;
  if
  :: !closed[1 - gone] -> wake_at(1 - gone)
  :: else
  fi
}

inline send(sender, from) {
  if
  :: closed[from] || queued[from] || server_turn != from || (from == 0 && requests == REQUESTS) -> refused = true
  :: else ->
    if
    :: from == 0 -> requests++; outstanding = true
    :: else
    fi;
    server_turn = !from;
    if
    :: !closed[1 - from] ->
      assert(!queued[1 - from]);
      queued[1 - from] = true;
      message[1 - from] = requests;
      wake_at(1 - from)
    :: else
    fi
  fi
}

inline wait_at(comer, where) {
  if
  :: broken != 5 && IS_ANSWER(asker[where]) ->
    wait[asker[where]] = OBJECTS;
    sent[asker[where]] = true;
    on_list[asker[where]] = true
  :: else
  fi;
  listed[where] = (broken != 4);
  on_list[comer] = true;
  state[comer] = WAITING;
  wait[comer] = OBJECTS
}

inline receive_one(reader, end_of) {
  if
  :: closed[end_of] -> skip /* no such handle */
  :: queued[end_of] -> queued[end_of] = false; took(reader, message[end_of]); message[end_of] = 0
  :: !closed[end_of] && !queued[end_of] && closed[1 - end_of] -> skip
  :: !closed[end_of] && !queued[end_of] && !closed[1 - end_of] && asked[reader] == end_of && sent[reader] && !WAITS_ON_LIST(end_of) ->
    listed[end_of] = 0;
    state[reader] = WAITING;
    wait[reader] = ANSWER
  :: else -> skip; wait_at(reader, end_of)
  fi
}

/* Leaves the processor if it waits. */
inline finish(leaver, which) {
  if
  :: state[leaver] == WAITING ->
    call[leaver] = which;
    if
    :: which != CALL -> forget(leaver)
    :: else
    fi;
    phase[PROCESS(leaver)] = (SOME_READY(PROCESS(leaver)) -> QUEUED : IDLE);
    current[cpu] = NOBODY
  :: else
  fi
}

inline general_call(caller, own) {
  sent[caller] = false;
  send(caller, own);
  if
  :: refused -> refused = false
  :: else -> sent[caller] = true; receive_one(caller, own); finish(caller, CALL)
  fi
}

#define ONLY_RECEIVER(e) ((e) == 1 && on_list[2] && call[2] == RECEIVE)

inline channel_call(asking, mine) {
  if
  :: asked[asking] != mine ->
    forget(asking);
    if
    :: closed[mine] || IS_ANSWER(asker[mine]) && broken != 7 -> skip
    :: else ->
      if
      :: asker[mine] != NOBODY -> other = asker[mine]; forget(other); other = 0
      :: else
      fi;
      asker[mine] = asking;
      asked[asking] = mine
    fi
  :: else
  fi;
  assert(asked[asking] != mine || !closed[mine]);
  receiver = NOBODY;
  if
  :: asked[asking] == mine && IS_ANSWER(asker[1 - mine]) -> receiver = asker[1 - mine]
  :: asked[asking] == mine && !IS_ANSWER(asker[1 - mine]) && ONLY_RECEIVER(1 - mine) -> receiver = 2
  :: else
  fi;
  if
  :: receiver != NOBODY && (broken == 1 || phase[1 - mine] == IDLE && !SOME_READY(1 - mine)) && (broken == 2 || !SOME_READY(mine)) &&
      !queued[mine] && server_turn == mine && (broken == 3 || !listed[mine]) && (mine == 1 || requests < REQUESTS) ->
    if
    :: mine == 0 -> requests++; outstanding = true
    :: else
    fi;
    if
    :: wait[receiver] == OBJECTS && broken != 6 -> cancel(receiver)
    :: else
    fi;
    server_turn = !mine;
    state[asking] = WAITING;
    wait[asking] = ANSWER;
    call[asking] = CALL;
    retry[asking] = false;
    state[receiver] = RUNNING;
    wait[receiver] = NONE;
    call[receiver] = CALL;
    retry[receiver] = false;
    phase[mine] = IDLE;
    phase[1 - mine] = ACTIVE;
    current[cpu] = receiver;
    took(receiver, requests);
    receiver = 0
  :: true -> receiver = 0; general_call(asking, mine)
  fi
}

/* The end of a process none of whose threads is on a processor. */
inline take_apart(ended) {
  for (w : 0 .. THREADS - 1) {
    if
    :: PROCESS(w) == ended -> cancel(w); forget(w); state[w] = DEAD
    :: else
    fi
  }
  w = 0;
  phase[ended] = STOPPED;
  if
  :: !closed[ended] -> close(ended)
  :: else
  fi
}

#define THREAD_GOOD(t) \
  ((state[t] == RUNNING) == (current[0] == t || current[1] == t)) && (state[t] != READY || phase[PROCESS(t)] == QUEUED || phase[PROCESS(t)] == ACTIVE) && \
  ((wait[t] == NONE) == (state[t] != WAITING)) && (on_list[t] == (wait[t] == OBJECTS)) && \
  (asked[t] == NOWHERE || asker[asked[t]] == t) && \
  (wait[t] != ANSWER || (asker[PROCESS(t)] == t && !WAITS_ON_LIST(PROCESS(t)))) && \
  (wait[t] == NONE || wait[t] == WORD || (!closed[PROCESS(t)] && !queued[PROCESS(t)] && !closed[1 - PROCESS(t)]))
#define CPU_GOOD(c) (current[c] == NOBODY || phase[PROCESS(current[c])] == ACTIVE)
#define GOOD \
  THREAD_GOOD(0) && THREAD_GOOD(1) && THREAD_GOOD(2) && CPU_GOOD(0) && CPU_GOOD(1) && \
  (current[0] == NOBODY || current[1] == NOBODY || PROCESS(current[0]) != PROCESS(current[1])) && \
  (asker[0] == NOBODY || asked[asker[0]] == 0) && (asker[1] == NOBODY || asked[asker[1]] == 1)

proctype processor(byte cpu) {
  byte t, w, e, receiver, spot, other;
  bool refused;
end:
  do
  /* Whoever runs makes a call, or is pre-empted. */
  :: atomic {
      current[cpu] != NOBODY ->
      t = current[cpu];
      e = PROCESS(t);
      if
      :: true -> channel_call(t, e)
      :: sent[t] = false; receive_one(t, e); finish(t, RECEIVE)
      :: true -> send(t, e); refused = false
      :: !closed[e] -> close(e)
      :: t == 1 -> state[t] = WAITING; wait[t] = WORD; finish(t, RECEIVE)
      :: state[t] = READY; phase[e] = QUEUED; retry[t] = false; current[cpu] = NOBODY
      fi;
      t = 0; e = 0;
      assert(GOOD)
    }
  /* A processor with nothing to run takes a process that is queued, and one of its threads. */
  :: atomic {
      current[cpu] == NOBODY && (phase[0] == QUEUED || phase[1] == QUEUED) ->
      if
      :: phase[0] == QUEUED && state[0] == READY -> t = 0
      :: phase[0] == QUEUED && state[1] == READY -> t = 1
      :: phase[1] == QUEUED && state[2] == READY -> t = 2
      fi;
      e = PROCESS(t);
      phase[e] = ACTIVE;
      current[cpu] = t;
      state[t] = RUNNING;
      if
      :: retry[t] ->
        retry[t] = false;
        assert(call[t] == RECEIVE || sent[t]); /* its message has gone out once */
        receive_one(t, e);
        finish(t, call[t])
      :: else
      fi;
      t = 0; e = 0;
      assert(GOOD)
    }
  od
}

/* An event ends a call of the first thread of P, or what it would make again; the second one waits for something else and is
 * woken; each process may be ended. */
proctype host() {
  byte w, spot, other;
end:
  do
  :: atomic {
      events && state[0] == WAITING ->
      events--;
      make_ready(0, false);
      assert(GOOD)
    }
  :: atomic { events && state[0] == READY && retry[0] -> events--; retry[0] = false; assert(GOOD) }
  :: atomic { wait[1] == WORD -> make_ready(1, false); assert(GOOD) }
  :: atomic { phase[0] != ACTIVE && phase[0] != STOPPED -> take_apart(0); assert(GOOD) }
  :: atomic { phase[1] != ACTIVE && phase[1] != STOPPED -> take_apart(1); assert(GOOD) }
  od
}

init {
  atomic {
    c_code { now.broken = getenv("BREAK") ? atoi(getenv("BREAK")) : 0; };
    byte i;
    for (i : 0 .. THREADS - 1) {
      state[i] = READY; wait[i] = NONE; call[i] = RECEIVE; asked[i] = NOWHERE
    }
    for (i : 0 .. 1) {
      phase[i] = QUEUED; asker[i] = NOBODY; current[i] = NOBODY
    }
    i = 0;
    run processor(0); run processor(1); run host()
  }
}
