/* A doubly linked ring with a head, as every list of the kernel is. Anyone in kernel/; the lock that guards the list's
 * owner. */
#ifndef KERNEL_LIST_H
#define KERNEL_LIST_H

#include <stdbool.h>
#include <stddef.h>

struct list {
  struct list *next, *previous;
};

#define CONTAINER(pointer, type, member) ((type *)((char *)(pointer)-offsetof(type, member)))
/* The body may remove `node` itself, and nothing else, from the list. */
#define LIST_EACH(node, head)                                                                                          \
  for (struct list *node = (head)->next, *node##_next = node->next; node != (head);                                    \
       node = node##_next, node##_next = node->next)

static inline void list_initialise(struct list *head) { head->next = head->previous = head; }
static inline bool list_empty(const struct list *head) { return head->next == head; }

static inline void list_append(struct list *head, struct list *node) {
  node->next = head;
  node->previous = head->previous;
  head->previous->next = node;
  head->previous = node;
}

/* Leaves the node empty, so that removing it twice is harmless. */
static inline void list_remove(struct list *node) {
  node->next->previous = node->previous;
  node->previous->next = node->next;
  list_initialise(node);
}

/* Moves all of `from` to the end of `to`. */
static inline void list_move_all(struct list *to, struct list *from) {
  if (list_empty(from))
    return;
  from->next->previous = to->previous;
  to->previous->next = from->next;
  from->previous->next = to;
  to->previous = from->previous;
  list_initialise(from);
}

#endif
