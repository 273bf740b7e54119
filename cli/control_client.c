/* Owns what the commands that look at a running system ask it with. The answer may come from a system gone wrong:
 * lengths are looked at before they are used. What is in the records is the caller's to doubt. One thread. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "cli/cli.h"
#include "cli/control.h"

static const char ended[] = "the system has ended";

bool control_open(struct control_client *client, const char *system) {
  *client = (struct control_client){.socket = control_socket_connect(system)};
  if (client->socket < 0)
    return false;
  client->payload = malloc(CONTROL_PAYLOAD_MOST);
  if (client->payload)
    return true;
  cli_error("no memory");
  control_close(client);
  return false;
}

void control_close(struct control_client *client) {
  if (client->socket >= 0)
    close(client->socket);
  free(client->payload);
  *client = (struct control_client){.socket = -1};
}

static bool receive(struct control_client *client, void *to, size_t length) {
  for (size_t got = 0; got < length;) {
    ssize_t part = recv(client->socket, (char *)to + got, length - got, 0);
    if (part < 0 && errno == EINTR)
      continue;
    if (part <= 0) {
      client->problem = part < 0 && (errno == EAGAIN || errno == EWOULDBLOCK) ? "the system does not answer" : ended;
      return false;
    }
    got += (size_t)part;
  }
  return true;
}

bool control_ask(struct control_client *client, enum control_kind kind, uint64_t argument, size_t record,
                 enum signet_status *status) {
  const struct control_request request = {
      .magic = CONTROL_MAGIC, .version = CONTROL_VERSION, .kind = (uint16_t)kind, .argument = argument};
  struct control_reply *reply = &client->reply;
  /* One that was not let in is told so before it asks: what there is to hear counts more than what was not sent. */
  send(client->socket, &request, sizeof request, MSG_NOSIGNAL);
  if (!receive(client, reply, sizeof *reply))
    return false;
  client->problem = "the system was started by another version of this command";
  if (reply->magic != CONTROL_MAGIC || reply->version != CONTROL_VERSION)
    return false;
  client->problem = "the system belongs to somebody else";
  if (reply->status == SIGNET_DENIED)
    return false;
  client->problem = "the system's answer is none";
  if (reply->length > CONTROL_PAYLOAD_MOST)
    return false;
  if (!receive(client, client->payload, reply->length))
    return false;
  *status = reply->status;
  bool sound = record ? reply->count <= reply->length / record &&
                            (kind == CONTROL_DESCRIBE || reply->length == reply->count * record)
                      : reply->length == 0;
  if (*status == SIGNET_OK && !sound)
    return false;
  client->problem = NULL;
  return true;
}
