/* The end of processes, as kernel/{process,start,device,schedule}.c bring it about: a tree of a root 0 that the host made, its
 * children 1 and 3, and 2, the child of 1; two processors. A process ends by its own call, by its parent, by the host, or
 * because its parent ends, at any time: also while it makes a child or asks a device, for which its processor gives the
 * kernel lock up. Each section under the lock is one atomic step. Each process has one thread here.
 *
 * Claims: a process is taken apart once, when none of its threads is on a processor, none of its calls is under way without
 * the lock, and all its children are stopped; it is freed once, when nobody holds it; no child is added to a process that
 * is stopping; an answer of a device that comes too late wakes nobody, and no request outlives its process; whoever can be
 * finished is, at once; what was freed has no window. Left out: what a process owns besides (tests/kernel), several threads, quotas.
 *
 * BREAK 1: a process is taken apart although a processor runs it
 * BREAK 2: the end of the last child does not finish a parent that is stopping
 * BREAK 3: a child is added though its maker was told to stop meanwhile
 * BREAK 4: a device's answer is taken for the request that the process waits in now
 * BREAK 5: descendants are not marked
 * BREAK 6: a parent ends before its children have
 * BREAK 7: who waits for a child is not woken by its end
 * BREAK 8: who gives a handle up leaves a stopped process behind
 * BREAK 9: a request stays at the device when its process is taken apart */
byte broken; /* the number of a BREAK, or 0 */
#define PROCESSES 4
#define NOBODY 4
#ifndef REQUESTS
#define REQUESTS 2
#endif
#ifndef MAKES
#define MAKES 3 /* children made in all */
#endif

mtype = { UNMADE, UNSTARTED, LIVE, STOPPING, STOPPED };
mtype = { IDLE, QUEUED, ACTIVE };
mtype = { NOTHING, CHILD, DEVICE }; /* what its thread waits for */
mtype = { NO_GAP, MAKING, ASKING };

#define PARENT(p) (p == 2 -> 1 : 0)
#define FIRST_CHILD(p) (p == 0 -> 1 : 2)

mtype state[PROCESSES], phase[PROCESSES], wait[PROCESSES];
byte waited_for[PROCESSES];
bool attention[PROCESSES], held[PROCESSES], window[PROCESSES], ready[PROCESSES];
byte alive[PROCESSES]; /* children that are not STOPPED */
byte current[2];
mtype gap[2];
byte making[2];
bool host = true; /* holds the root */
/* The device has one request at a time; tickets have numbers, 0 is none. */
byte ticket[PROCESSES], last_ticket, at_device, too_late;
bool early[PROCESSES]; /* it answered while the request was being made */
byte makes;

inline make_ready(who) {
  assert(state[who] == LIVE || state[who] == STOPPING);
  wait[who] = NOTHING;
  ready[who] = true;
  if
  :: phase[who] == IDLE && state[who] == LIVE -> phase[who] = QUEUED
  :: else
  fi
}

inline reap(dead) {
  if
  :: state[dead] == STOPPED && !held[dead] && !(dead == 0 && host) ->
    assert(!window[dead]);
    state[dead] = UNMADE
  :: else
  fi
}

/* Of a process all of whose children are STOPPED. Those that it holds still are freed with its handles. */
inline take_apart(ended) {
  assert(current[0] != ended && current[1] != ended);
  assert(window[ended]);
  phase[ended] = IDLE;
  ready[ended] = false;
  wait[ended] = NOTHING;
  if
  :: at_device != 0 && at_device == ticket[ended] && broken != 9 -> at_device = 0
  :: else
  fi;
  ticket[ended] = 0;
  for (c : 1 .. PROCESSES - 1) {
    if
    :: PARENT(c) == ended && state[c] != UNMADE ->
      assert(state[c] == STOPPED);
      held[c] = false;
      reap(c)
    :: else
    fi
  }
  window[ended] = false;
  state[ended] = STOPPED;
  attention[ended] = false;
  if
  :: ended != 0 ->
    alive[PARENT(ended)]--;
    if
    :: wait[PARENT(ended)] == CHILD && waited_for[PARENT(ended)] == ended && broken != 7 -> make_ready(PARENT(ended))
    :: else
    fi
  :: else
  fi
}

#define CAN_FINISH(p) (state[p] == STOPPING && (phase[p] != ACTIVE || broken == 1) && (!alive[p] || broken == 6))

inline finish_one(one) {
  if
  :: CAN_FINISH(one) -> take_apart(one); reap(one)
  :: else
  fi
}

/* It, then its parent if that has been waiting for it, and so on: from a processor that leaves it. */
inline finish_up(from) {
  finish_one(from);
  if
  :: broken != 2 ->
    if
    :: from == 2 -> finish_one(1)
    :: else
    fi;
    if
    :: from != 0 -> finish_one(0)
    :: else
    fi
  :: else
  fi
}

inline mark(which) {
  if
  :: state[which] == UNSTARTED || state[which] == LIVE -> state[which] = STOPPING; attention[which] = true
  :: else
  fi
}

#define DESCENDS(p, r) ((p) == (r) || (r) == 0 || ((p) == 2 && (r) == 1))

/* Marks the process and its descendants, and takes apart what can be, children before parents. */
inline end_process(top) {
  if
  :: state[top] == UNSTARTED || state[top] == LIVE ->
    for (d : 0 .. PROCESSES - 1) {
      if
      :: d == top || (DESCENDS(d, top) && broken != 5) -> mark(d)
      :: else
      fi
    }
    if
    :: DESCENDS(2, top) -> finish_one(2)
    :: else
    fi;
    if
    :: DESCENDS(1, top) -> finish_one(1)
    :: else
    fi;
    if
    :: DESCENDS(3, top) -> finish_one(3)
    :: else
    fi;
    if
    :: top == 0 -> finish_one(0)
    :: else
    fi;
    d = 0
  :: else
  fi
}

inline give_up_handle(whose) {
  held[whose] = false;
  if
  :: state[whose] != STOPPED -> end_process(whose)
  :: state[whose] == STOPPED && broken != 8 -> reap(whose)
  :: else
  fi
}

/* Away from the processor; a process that is to stop is finished. */
inline leave() {
  phase[p] = (ready[p] && state[p] == LIVE -> QUEUED : IDLE);
  current[cpu] = NOBODY;
  if
  :: state[p] == STOPPING -> finish_up(p)
  :: else
  fi
}

/* The way back to the process, or away from it, after a call that did not wait. */
inline go_back() {
  if
  :: attention[p] -> ready[p] = true; leave()
  :: else
  fi
}

#define OWN(c) (PARENT(c) == p && held[c] && state[c] != UNMADE)
/* Whoever is to be finished is finished in the same step; what is freed has no window; a stopped one is held; nobody waits for
 * one that has ended. */
#define RESTS(p) \
  (state[p] != STOPPING || phase[p] == ACTIVE || alive[p]) && (state[p] != UNMADE || !window[p] || IN_MAKING(p)) && \
  (state[p] != STOPPED || held[p] || (p == 0 && host)) && (wait[p] != CHILD || state[waited_for[p]] != STOPPED)
#define IN_MAKING(p) ((gap[0] == MAKING && making[0] == p) || (gap[1] == MAKING && making[1] == p))
#define GOOD \
  (current[0] == NOBODY || current[0] != current[1]) && \
  (current[0] == NOBODY || (phase[current[0]] == ACTIVE && window[current[0]])) && \
  (current[1] == NOBODY || (phase[current[1]] == ACTIVE && window[current[1]])) && \
  alive[0] == (state[1] != UNMADE && state[1] != STOPPED) + (state[3] != UNMADE && state[3] != STOPPED) && \
  alive[1] == (state[2] != UNMADE && state[2] != STOPPED) && \
  (state[0] == LIVE || ((state[1] != LIVE && state[1] != UNSTARTED) && (state[3] != LIVE && state[3] != UNSTARTED))) && \
  (state[1] == LIVE || (state[2] != LIVE && state[2] != UNSTARTED)) && RESTS(0) && RESTS(1) && RESTS(2) && RESTS(3) && \
  (!at_device || at_device == ticket[0] || at_device == ticket[1] || at_device == ticket[2] || at_device == ticket[3])

proctype processor(byte cpu) {
  byte p, c, d, k;
end:
  do
  :: atomic {
      current[cpu] == NOBODY && (phase[0] == QUEUED || phase[1] == QUEUED || phase[2] == QUEUED || phase[3] == QUEUED) ->
      if
      :: phase[0] == QUEUED -> p = 0
      :: phase[1] == QUEUED -> p = 1
      :: phase[2] == QUEUED -> p = 2
      :: phase[3] == QUEUED -> p = 3
      fi;
      phase[p] = ACTIVE;
      current[cpu] = p;
      if
      :: attention[p] || !ready[p] -> leave()
      :: else -> ready[p] = false
      fi;
      p = 0; c = 0; d = 0; k = 0;
      assert(GOOD)
    }
  /* Its process calls, or is pre-empted. A call by one that is to stop ends at once. */
  :: atomic {
      current[cpu] != NOBODY && gap[cpu] == NO_GAP ->
      p = current[cpu];
      if
      :: state[p] == STOPPING -> ready[p] = true; leave()
      :: else ->
        if
        :: true -> end_process(p); leave()
        :: true -> ready[p] = true; leave() /* pre-empted */
        :: p < 2 && makes < MAKES ->
          if
          :: state[FIRST_CHILD(p)] == UNMADE -> k = FIRST_CHILD(p)
          :: p == 0 && state[3] == UNMADE -> k = 3
          :: else -> k = NOBODY
          fi;
          if
          :: k != NOBODY && !window[k] -> makes++; window[k] = true; making[cpu] = k; gap[cpu] = MAKING
          :: else
          fi
        :: p < 2 ->
          if
          :: OWN(FIRST_CHILD(p)) -> k = FIRST_CHILD(p)
          :: p == 0 && OWN(3) -> k = 3
          :: else -> k = NOBODY
          fi;
          if
          :: k == NOBODY
          :: k != NOBODY && state[k] == UNSTARTED -> state[k] = LIVE; make_ready(k)
          :: k != NOBODY -> end_process(k); go_back()
          :: k != NOBODY -> give_up_handle(k); go_back()
          :: k != NOBODY && state[k] == STOPPED -> held[k] = false; reap(k) /* process_wait */
          :: k != NOBODY && state[k] != STOPPED -> wait[p] = CHILD; waited_for[p] = k; leave()
          fi
        :: last_ticket < REQUESTS ->
          last_ticket++;
          ticket[p] = last_ticket;
          early[p] = false;
          gap[cpu] = ASKING
        fi
      fi;
      p = 0; c = 0; d = 0; k = 0;
      assert(GOOD)
    }
  /* The lock again, after a child was mapped. */
  :: atomic {
      current[cpu] != NOBODY && gap[cpu] == MAKING ->
      p = current[cpu];
      k = making[cpu];
      gap[cpu] = NO_GAP;
      assert(window[p] && window[k]);
      if
      :: state[p] == LIVE || broken == 3 -> state[k] = UNSTARTED; held[k] = true; attention[k] = false; alive[p]++
      :: else -> window[k] = false
      fi;
      making[cpu] = 0;
      go_back();
      p = 0; c = 0; d = 0; k = 0;
      assert(GOOD)
    }
  /* And after the device was asked: it has answered, or takes the request, or did so and is ready already. */
  :: atomic {
      current[cpu] != NOBODY && gap[cpu] == ASKING ->
      p = current[cpu];
      gap[cpu] = NO_GAP;
      assert(window[p]);
      if
      :: at_device != ticket[p] -> ticket[p] = 0; go_back()
      :: at_device == ticket[p] && early[p] && state[p] == LIVE -> at_device = 0; ticket[p] = 0; go_back()
      :: else -> wait[p] = DEVICE; leave()
      fi;
      p = 0; c = 0; d = 0; k = 0;
      assert(GOOD)
    }
  od
}

/* Takes the request of a processor that asks, at any time while it does; answers what it has at any time, and tells of it
 * once more than it should. */
proctype device() {
  byte k, number;
end:
  do
  :: atomic { !at_device && gap[0] == ASKING && ticket[current[0]] -> at_device = ticket[current[0]] }
  :: atomic { !at_device && gap[1] == ASKING && ticket[current[1]] -> at_device = ticket[current[1]] }
  :: atomic { at_device -> too_late = at_device } /* read, before the lock is taken to tell of it */
  :: atomic {
      too_late ->
      number = too_late;
      too_late = 0;
      for (k : 0 .. PROCESSES - 1) {
        if
        :: ticket[k] && (ticket[k] == number || broken == 4) ->
          assert(ticket[k] == number);
          if
          :: wait[k] == DEVICE -> ticket[k] = 0; at_device = 0; make_ready(k)
          :: wait[k] != DEVICE -> early[k] = true
          fi
        :: else
        fi
      }
      number = 0;
      k = 0;
      assert(GOOD)
    }
  od
}

proctype host_program() {
  byte c, d;
end:
  do
  :: atomic { state[1] == LIVE -> end_process(1); c = 0; assert(GOOD) } /* signet kill */
  :: atomic { state[2] == LIVE -> end_process(2); c = 0; assert(GOOD) }
  :: atomic { state[0] == LIVE -> end_process(0); c = 0; assert(GOOD) }
  :: atomic { host && state[0] == STOPPED -> host = false; reap(0) }
  od
}

init {
  atomic {
    c_code { now.broken = getenv("BREAK") ? atoi(getenv("BREAK")) : 0; };
    byte i;
    for (i : 0 .. PROCESSES - 1) {
      state[i] = UNMADE; phase[i] = IDLE; wait[i] = NOTHING
    }
    current[0] = NOBODY; current[1] = NOBODY;
    gap[0] = NO_GAP; gap[1] = NO_GAP;
    state[0] = LIVE; window[0] = true; ready[0] = true; phase[0] = QUEUED;
    i = 0;
    run processor(0); run processor(1); run device(); run host_program()
  }
}
