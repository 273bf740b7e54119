/* Falling asleep and being woken, as port_idle and port_wake of port/linux/{cpu,poller}.c do it for kernel/schedule.c: two
 * processors, a word each that says whether it sleeps and where, the host's futexes and its epoll, where one processor at most
 * waits for devices, and a bell that wakes it there. Here the lock itself is in the model: each access to a shared word is a
 * step of its own, in one order for all (the words are accessed with sequential consistency).
 *
 * Claims: when all processors sleep for ever, no work is queued and no event of a device that somebody waits for has
 * happened; one processor at most waits in epoll. Left out: deadlines (they only end a sleep earlier), several devices, which
 * processor the work is put to.
 *
 * BREAK 1: who falls asleep does not look whether he was woken meanwhile
 * BREAK 2: the mask of those that sleep is written without the lock, after it was given up
 * BREAK 3: who sleeps in epoll is woken at his futex
 * BREAK 4: who leaves epoll does not say that the place is free
 * BREAK 5: what epoll told is not passed on
 * BREAK 6: work is queued without waking anybody
 * BREAK 7: the place in epoll is taken without looking whether another has it */
byte broken; /* the number of a BREAK, or 0 */
#define CPUS 2
#ifndef WORK
#define WORK 3 /* pieces that the host program brings, in all */
#endif

mtype = { AWAKE, SLEEPS, POLLS, WOKEN };

bool lock;
byte work, brought;
bool idle[CPUS];       /* kernel.idle; with the lock */
mtype word[CPUS];      /* cpu->wake */
bool futex_woken[CPUS], in_futex[CPUS], in_epoll[CPUS];
bool used, taken, bell;
bool wanted, armed, happened; /* somebody waits for the device; it will tell; its event is there, in the host */
byte events = 2;

inline acquire() { atomic { !lock -> lock = true } }

inline port_wake(target) {
  atomic { before = word[target]; word[target] = WOKEN };
  if
  :: before == SLEEPS || (before == POLLS && broken == 3) ->
    atomic {
      if
      :: in_futex[target] -> futex_woken[target] = true
      :: else
      fi
    }
  :: before == POLLS && broken != 3 -> bell = true
  :: else
  fi;
  before = 0
}

inline wake_idle() {
  if
  :: idle[0] -> port_wake(0)
  :: !idle[0] && idle[1] -> port_wake(1)
  :: else
  fi
}

/* The first wait for a device: who sleeps at his futex is to sleep in epoll from now on. */
inline use() {
  if
  :: !used -> used = true; port_wake(0); port_wake(1)
  :: else
  fi
}

/* linux_poller_look and linux_cpus_take_over, at a tick of a processor that works. */
inline tick() {
  if
  :: used && !taken ->
    atomic { got = happened; happened = false };
    if
    :: got -> acquire(); wanted = false; work++; wake_idle(); lock = false; got = false
    :: else
    fi;
    if
    :: used && !taken && word[1 - self] == SLEEPS -> port_wake(1 - self)
    :: else
    fi
  :: else
  fi
}

inline port_idle() {
  lock = false;
  if
  :: broken == 2 -> idle[self] = true
  :: else
  fi;
  how = SLEEPS;
  if
  :: used ->
    atomic {
      if
      :: !taken || broken == 7 -> how = POLLS
      :: else
      fi;
      taken = true
    }
  :: else
  fi;
  atomic {
    if
    :: word[self] == AWAKE || broken == 1 -> word[self] = how; stays = true
    :: else -> stays = false
    fi
  };
  if
  :: how == POLLS ->
    in_epoll[self] = true;
    assert(!in_epoll[1 - self]);
end_epoll:
    atomic {
      !stays || bell || happened ->
      bell = false;
      got = happened;
      happened = false
    };
    in_epoll[self] = false;
    word[self] = WOKEN;
    if
    :: broken != 4 -> taken = false
    :: else
    fi;
    acquire();
    if
    :: got && broken != 5 -> wanted = false; work++
    :: else
    fi;
    got = false
  :: else ->
    if
    :: stays ->
      atomic {
        if
        :: word[self] == SLEEPS -> in_futex[self] = true
        :: else
        fi
      };
end_futex:
      atomic { !in_futex[self] || futex_woken[self] -> in_futex[self] = false; futex_woken[self] = false }
    :: else
    fi;
    word[self] = WOKEN;
    acquire()
  fi;
  word[self] = AWAKE;
  how = 0;
  stays = false
}

proctype processor(byte self) {
  mtype before, how;
  bool got, stays;
  acquire();
end:
  do
  /* With the lock. What runs may wait for the device, or be interrupted by the tick. */
  :: work ->
    work--;
    lock = false;
    if
    :: tick()
    :: !wanted && events ->
      acquire();
      if
      :: !wanted && events -> events--; wanted = true; armed = true; use()
      :: else
      fi;
      lock = false
    :: true
    fi;
    acquire()
  :: !work ->
    if
    :: broken != 2 -> idle[self] = true
    :: else
    fi;
    port_idle();
    idle[self] = false
  od
}

proctype host_program() {
  mtype before;
  do
  :: brought < WORK ->
    acquire();
    work++;
    brought++;
    if
    :: broken != 6 -> wake_idle()
    :: else
    fi;
    lock = false
  :: brought == WORK -> break
  od
}

proctype device() {
end:
  do
  :: atomic { armed -> armed = false; happened = true }
  od
}

/* Nothing moves any more. */
proctype rest() {
end:
  do
  :: timeout -> assert(!work && !happened && !wanted && !lock); break
  od
}

init {
  atomic {
    c_code { now.broken = getenv("BREAK") ? atoi(getenv("BREAK")) : 0; };
    word[0] = AWAKE; word[1] = AWAKE;
    run processor(0); run processor(1); run host_program(); run device(); run rest()
  }
}
