// rooms: every client is in a few of many rooms and keeps changing one of them, while others speak in theirs.
// Operations are acked, so that the generator knows when each has been done.
#include "load.h"
#include <stdio.h>
#include <string.h>

#define IN_FLIGHT 200
#define SAY_EVERY 5 // of so many operations, one is an emit and the others change a room

static uint64_t operation_count;
static int next_client, unanswered;
static enum { TRYING, UNDOING, ENTERING, CHURNING, CLEARING } stage;

static bool is_in(const Client *client, uint16_t room) {
  for (int i = 0; i < ROOMS_PER_CLIENT; i++) {
    if (client->rooms[i] == room) return true;
  }
  return false;
}

// Room 0 stands for none.
static uint16_t another_room(const Client *client) {
  for (;;) {
    uint16_t room = (uint16_t)(1 + random_u64() % (uint64_t)options.rooms);
    if (!is_in(client, room)) return room;
  }
}

static void send_operation(Client *client, const char *packet, int length) {
  unanswered++;
  send_packet(client, (const uint8_t *)packet, (size_t)length);
}

static void enter(Client *client) {
  char packet[PACKET_MAX];
  int at = snprintf(packet, sizeof packet, "42%u[\"enter\",[", client->ack_id++);
  for (int i = 0; i < ROOMS_PER_CLIENT; i++) {
    client->rooms[i] = another_room(client);
    at += snprintf(packet + at, sizeof packet - (size_t)at, "%s\"room:%u\"", i ? "," : "", client->rooms[i]);
  }
  at += snprintf(packet + at, sizeof packet - (size_t)at, "]]");
  send_operation(client, packet, at);
}

static void churn(void) {
  char packet[PACKET_MAX];
  Client *client = &clients[random_u64() % (uint64_t)options.clients];
  uint16_t *slot = &client->rooms[random_u64() % ROOMS_PER_CLIENT];
  counts.sent++;
  if (operation_count++ % SAY_EVERY == 0) {
    send_operation(client, packet,
                   snprintf(packet, sizeof packet, "42%u[\"say\",\"room:%u\",{\"id\":\"%.8s%08x%s", client->ack_id++,
                            *slot, client->id, client->sequence++, EVENT_SUFFIX));
    return;
  }
  uint16_t left = *slot;
  *slot = another_room(client);
  send_operation(client, packet,
                 snprintf(packet, sizeof packet, "42%u[\"swap\",\"room:%u\",\"room:%u\"]", client->ack_id++, left, *slot));
}

static void clear(Client *client) {
  char packet[PACKET_MAX];
  send_operation(client, packet, snprintf(packet, sizeof packet, "42%u[\"clear\"]", client->ack_id++));
}

static void each_client(void (*what)(Client *)) {
  while (unanswered < IN_FLIGHT && next_client < options.clients) what(&clients[next_client++]);
}

static void begin(int next, void (*what)(Client *)) {
  stage = next;
  next_client = 0;
  each_client(what);
}

// Everyone enters and leaves once before memory is first read: code is compiled and lazy parts are made.
static void rooms_prepare(void) { begin(TRYING, enter); }
static void begin_entering(void) { begin(ENTERING, enter); }
static void begin_clearing(void) { begin(CLEARING, clear); }

static void rooms_start(void) {
  stage = CHURNING;
  while (unanswered < IN_FLIGHT) churn();
}

static void rooms_ack(Client *client, const uint8_t *packet, size_t length, uint64_t now) {
  (void)client, (void)packet, (void)length, (void)now;
  unanswered--;
  switch (stage) {
  case TRYING:
    each_client(enter);
    if (!unanswered) begin(UNDOING, clear);
    return;
  case UNDOING:
    each_client(clear);
    if (!unanswered) hold("empty", begin_entering);
    return;
  case ENTERING:
    each_client(enter);
    if (!unanswered) prepared();
    return;
  case CHURNING:
    counts.acks++;
    if (!stopped) churn();
    return;
  case CLEARING:
    each_client(clear);
    if (!unanswered) hold("left", finished);
    return;
  }
}

static void rooms_event(Client *client, const uint8_t *packet, size_t length, uint64_t now) {
  (void)client, (void)now;
  check_event(packet, length);
  counts.delivered++;
}

Mode rooms_mode = {.name = "rooms",
                   .prepare = rooms_prepare,
                   .start = rooms_start,
                   .event = rooms_event,
                   .ack = rooms_ack,
                   .finish = begin_clearing};
