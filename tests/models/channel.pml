/* Two channels, three processes with four threads, and an end that travels through one channel to another holder, as
 * kernel/{channel,wait,handle}.c do it: queues that are bounded by the contract, calls that wait and are made again,
 * closing and death at any time, also of what is in a queue. Every section under the kernel lock is one atomic step.
 *
 * Ends: 0 client and 1 server of channel 0 (processes A and B), 2 client and 3 server of channel 1 (A and C). A may give
 * end 2 to B. Contract of both, states 0, 1, 2: client NOTE 0->1, GIVE 0->2 (moves an end; channel 0 only), ASK 1->2;
 * server REPLY 2->0. Slots: two towards the server, one towards the client.
 *
 * Claims: messages are received once and in their order, and "closed" comes after the last; no queue is longer than its
 * slots; no message is refused that the contract allows, nor taken that it does not; an end has one holder, or travels in
 * one message, or is closed; at rest nobody waits where there is a message or a closed peer; when all are dead nothing is
 * left. Left out: blocks (they move as ends do), quotas and memory that fail (nothing has changed then), contents, sets
 * (set.pml), the short way (handover.pml), ends nested deeper than one queue, deadlines.
 *
 * BREAK 1: a send wakes nobody
 * BREAK 2: a close wakes nobody at the peer
 * BREAK 3: a close wakes one of those that wait, not all
 * BREAK 4: a handle that goes away leaves who waits there asleep
 * BREAK 5: what travels in a queue is forgotten when the queue is closed
 * BREAK 6: a moved end stays with its sender too
 * BREAK 7: who has not read may answer
 * BREAK 8: a closed peer is noticed before the messages that it left
 * BREAK 9: a message for an end that is closed keeps what it moves */
byte broken; /* the number of a BREAK, or 0 */
#define ENDS 4
#define THREADS 4
#define NOBODY 9
#ifndef SENDS
#define SENDS 3 /* by each end, in all */
#endif

mtype = { USER, WAITING, READY, DEAD };
mtype = { NOTE, GIVE, ASK, REPLY };

#define PEER(e) ((e) ^ 1)
#define SIDE(e) ((e) & 1)
#define SLOTS(e) (1 + SIDE(e))
#define PROCESS(t) (((t) + 1) / 2) /* A: 0; B: 1 and 2; C: 3 */

chan queue[ENDS] = [3] of { mtype, byte };
byte holder[ENDS];
bool travels[ENDS]; /* in queue[1] */
bool closed[ENDS];
byte contract[2];   /* the state of each channel */
byte sent[ENDS], received[ENDS];
mtype state[THREADS];
byte waits_at[THREADS];
bool dead[3];

/* Those that wait there, at most so many of them. */
inline wake(e, most) {
  left = most;
  for (woken : 0 .. THREADS - 1) {
    if
    :: left && state[woken] == WAITING && waits_at[woken] == e ->
      state[woken] = READY;
      waits_at[woken] = NOBODY;
      left--
    :: else
    fi
  }
  woken = 0;
  left = 0
}
#define ALL THREADS

/* The holder has it no more: those of its threads that wait there make their calls again, and find no handle. */
inline unhold(e) {
  holder[e] = NOBODY;
  if
  :: broken != 4 ->
    wake(e, ALL)
  :: else
  fi
}

/* End e is nobody's. Closing it closes what travels in its queue, which is end 2 at most. */
inline close_end(e) {
  closed[e] = true;
  travels[e] = false;
  do
  :: len(queue[e]) ->
    queue[e]?tag, number;
    if
    :: tag == GIVE && broken != 5 ->
      travels[2] = false;
      closed[2] = true;
      do
      :: len(queue[2]) -> queue[2]?_, _
      :: else -> break
      od;
      if
      :: !closed[3] && broken != 2 -> wake(3, ALL)
      :: else
      fi
    :: else
    fi
  :: else -> break
  od;
  if
  :: !closed[PEER(e)] && broken != 2 -> wake(PEER(e), (broken == 3 -> 1 : ALL))
  :: else
  fi;
  tag = 0; number = 0
}

#define ONE(e) ((holder[e] != NOBODY) + travels[e] + closed[e] == 1)
#define GOOD \
  ONE(0) && ONE(1) && ONE(2) && ONE(3) && len(queue[0]) <= SLOTS(0) && len(queue[1]) <= SLOTS(1) && \
  len(queue[2]) <= SLOTS(2) && len(queue[3]) <= SLOTS(3)

/* What the contract allows end e to send, and the state after it. */
#define ALLOWED(e, t) \
  ((t) == NOTE && !SIDE(e) && contract[(e) / 2] == 0 || (t) == GIVE && (e) == 0 && contract[0] == 0 || \
   (t) == ASK && !SIDE(e) && contract[(e) / 2] == 1 || (t) == REPLY && SIDE(e) && contract[(e) / 2] == 2)

inline try_send(e, t) {
  if
  :: !ALLOWED(e, t) || (len(queue[e]) && broken != 7) || (t == GIVE && holder[2] != PROCESS(self)) -> skip /* refused, told so */
  :: else ->
    assert(closed[PEER(e)] || len(queue[PEER(e)]) < SLOTS(PEER(e))); /* never FULL */
    assert(len(queue[e]) == 0);
    if
    :: t == NOTE -> contract[(e) / 2] = 1
    :: t == REPLY -> contract[(e) / 2] = 0
    :: else -> contract[(e) / 2] = 2
    fi;
    sent[e]++;
    if
    :: !closed[PEER(e)] -> queue[PEER(e)]!t, sent[e]
    :: else
    fi;
    if
    :: t == GIVE ->
      if
      :: broken != 6 ->
        unhold(2)
      :: else
      fi;
      if
      :: closed[PEER(e)] && broken != 9 -> close_end(2)
      :: else -> travels[2] = true
      fi
    :: else
    fi;
    if
    :: !closed[PEER(e)] && broken != 1 -> wake(PEER(e), ALL)
    :: else
    fi
  fi
}

inline receive(e) {
  if
  :: holder[e] != PROCESS(self) -> state[self] = USER /* no such handle (any more) */
  :: else ->
    if
    :: len(queue[e]) && !(broken == 8 && closed[PEER(e)]) ->
      queue[e]?tag, number;
      received[e]++;
      assert(number == received[e]);
      if
      :: tag == GIVE -> travels[2] = false; holder[2] = PROCESS(self)
      :: else
      fi;
      state[self] = USER;
      tag = 0; number = 0
    :: (!len(queue[e]) || broken == 8) && closed[PEER(e)] ->
      assert(received[e] == sent[PEER(e)]);
      state[self] = USER
    :: else ->
      state[self] = WAITING;
      waits_at[self] = e
    fi
  fi
}

inline any_end() { select (e : 0 .. ENDS - 1) }

proctype thread(byte self) {
  byte e, woken, left, number, again;
  mtype tag;
end:
  do
  :: atomic {
      state[self] == USER ->
      any_end();
      if
      :: holder[e] == PROCESS(self) && sent[e] < SENDS ->
        if
        :: tag = NOTE
        :: tag = ASK
        :: tag = REPLY
        :: e == 0 -> tag = GIVE
        fi;
        again = tag;
        tag = 0;
        if
        :: again == NOTE -> try_send(e, NOTE)
        :: again == ASK -> try_send(e, ASK)
        :: again == REPLY -> try_send(e, REPLY)
        :: again == GIVE -> try_send(e, GIVE)
        fi;
        again = 0
      :: holder[e] == PROCESS(self) -> again = e; receive(e); again = (state[self] == WAITING -> e : 0)
      :: holder[e] == PROCESS(self) -> unhold(e); close_end(e)
      :: else
      fi;
      e = 0;
      assert(GOOD)
    }
  :: atomic { state[self] == READY -> receive(again); again = (state[self] == WAITING -> again : 0); assert(GOOD) }
  :: state[self] == DEAD -> break
  od
}

/* Ends a process at any time: its threads are gone, and each end that it holds is closed. */
proctype death(byte p) {
  byte e, woken, left, number, t;
  mtype tag;
  atomic {
    do
    :: t < THREADS ->
      if
      :: PROCESS(t) == p -> state[t] = DEAD; waits_at[t] = NOBODY
      :: else
      fi;
      t++
    :: else -> break
    od;
    do
    :: e < ENDS ->
      if
      :: holder[e] == p -> unhold(e); close_end(e)
      :: else
      fi;
      e++
    :: else -> break
    od;
    dead[p] = true;
    e = 0; t = 0;
    assert(GOOD)
  }
}

#define RESTS(t) \
  (state[t] != WAITING || \
   (holder[waits_at[t]] == PROCESS(t) && !len(queue[waits_at[t]]) && !closed[PEER(waits_at[t])]))

proctype rest() {
  /* Whenever somebody waits there is nothing for him. */
  do
  :: atomic { !(RESTS(0) && RESTS(1) && RESTS(2) && RESTS(3)) -> assert(false) }
  :: atomic {
      dead[0] && dead[1] && dead[2] ->
      assert(closed[0] && closed[1] && closed[2] && closed[3]);
      assert(len(queue[0]) + len(queue[1]) + len(queue[2]) + len(queue[3]) == 0);
      break
    }
  od
}

init {
  atomic {
    c_code { now.broken = getenv("BREAK") ? atoi(getenv("BREAK")) : 0; };
    holder[0] = 0; holder[1] = 1; holder[2] = 0; holder[3] = 2;
    waits_at[0] = NOBODY; waits_at[1] = NOBODY; waits_at[2] = NOBODY; waits_at[3] = NOBODY;
    state[0] = USER; state[1] = USER; state[2] = USER; state[3] = USER;
    run thread(0); run thread(1); run thread(2); run thread(3);
    run death(0); run death(1); run death(2);
    run rest()
  }
}
