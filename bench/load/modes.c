// What the clients do: chat, fan, pace, echo, idle.
#include "load.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define BINARY_BYTES 1024
#define PACE_MEMORY 65536

// chat: each client sends again when its own message is back, or, with acks, when its ack is.
static void chat_send(Client *client) {
  if (stopped) return;
  client->sent_at_ns = now_ns();
  send_chat(client, options.ack);
}

static void chat_start(void) {
  for (int i = 0; i < options.clients; i++) chat_send(&clients[i]);
}

static void chat_event(Client *client, const uint8_t *packet, size_t length, uint64_t now) {
  check_event(packet, length);
  uint64_t id, own;
  memcpy(&id, packet + EVENT_PREFIX_LENGTH, 8);
  memcpy(&own, client->id, 8);
  counts.delivered++;
  client->received++;
  client->order = client->order * 31 + id;
  if (id != own) return;
  if (options.ack) fail("client %u: its own message came back", client->index);
  histogram_record(now - client->sent_at_ns);
  chat_send(client);
}

static void chat_ack(Client *client, const uint8_t *packet, size_t length, uint64_t now) {
  (void)packet, (void)length;
  counts.acks++;
  histogram_record(now - client->sent_at_ns);
  chat_send(client);
}

// When all is delivered: everyone saw every message, and all saw them in one order.
const char *chat_check(void) {
  static char problem[128];
  uint64_t others = (uint64_t)options.clients - (options.ack ? 1 : 0);
  if (counts.delivered != counts.sent * others) {
    snprintf(problem, sizeof problem, "%llu of %llu events were delivered", (unsigned long long)counts.delivered,
             (unsigned long long)(counts.sent * others));
    return problem;
  }
  for (int i = 1; i < options.clients && !options.ack; i++) {
    if (clients[i].order != clients[0].order) return "clients saw the events in different orders";
  }
  return NULL;
}

Mode chat_mode = {.name = "chat", .start = chat_start, .event = chat_event, .ack = chat_ack};

// fan: one message at a time; the next leaves when everybody has it (in `copies` copies).
static uint64_t fan_missing, fan_sent_at_ns;
static uint32_t fan_turn;

static void fan_send(void) {
  Client *client = &clients[fan_turn++ % (uint32_t)options.clients];
  if (stopped) return;
  fan_missing = (uint64_t)options.clients * (uint64_t)options.copies;
  fan_sent_at_ns = now_ns();
  if (!options.binary) {
    send_chat(client, false);
    return;
  }
  static const char head[] = "451-[\"binary\",{\"_placeholder\":true,\"num\":0}]";
  static uint8_t bytes[BINARY_BYTES];
  if (!options.plain) send_packet(client, (const uint8_t *)head, sizeof head - 1);
  bytes[fan_turn % BINARY_BYTES]++;
  websocket_send(client, 2, bytes, sizeof bytes);
  counts.sent++;
}

static void fan_delivered(uint64_t now) {
  counts.delivered++;
  histogram_record(now - fan_sent_at_ns);
  if (fan_missing == 0) fail("an event was delivered twice");
  if (--fan_missing == 0) fan_send();
}

static void fan_event(Client *client, const uint8_t *packet, size_t length, uint64_t now) {
  (void)client;
  check_event(packet, length);
  fan_delivered(now);
}

static void fan_binary(Client *client, size_t length, uint64_t now) {
  if (length != BINARY_BYTES) fail("client %u: %zu bytes of binary", client->index, length);
  fan_delivered(now);
}

Mode fan_mode = {.name = "fan", .start = fan_send, .event = fan_event, .binary = fan_binary};

// pace: an open loop. Messages leave on schedule, whatever the server does; latency counts from the schedule.
static uint64_t pace_started_ns, pace_sent;
static uint64_t pace_due_ns[PACE_MEMORY];

static void pace_start(void) { pace_started_ns = now_ns(); }

static uint64_t pace_timer(uint64_t now) {
  double gap_ns = 1e9 / options.rate;
  for (;;) {
    uint64_t due = pace_started_ns + (uint64_t)((double)pace_sent * gap_ns);
    if (stopped) return UINT64_MAX;
    if (due > now) return due;
    // A step through the clients that visits each once before any comes again.
    Client *client = &clients[pace_sent * 7919 % (uint64_t)options.clients];
    client->sequence = (uint32_t)pace_sent;
    pace_due_ns[pace_sent++ % PACE_MEMORY] = due;
    send_chat(client, false);
  }
}

static void pace_event(Client *client, const uint8_t *packet, size_t length, uint64_t now) {
  (void)client;
  check_event(packet, length);
  counts.delivered++;
  histogram_record(now - pace_due_ns[message_sequence(packet) % PACE_MEMORY]);
}

Mode pace_mode = {.name = "pace", .start = pace_start, .event = pace_event, .timer = pace_timer};

// echo: each client keeps `in_flight` acked emits under way.
static void echo_send(Client *client) {
  if (stopped) return;
  client->echo_sent_at_ns[client->ack_id % ECHO_IN_FLIGHT_MAX] = now_ns();
  send_echo(client);
}

static void echo_start(void) {
  for (int i = 0; i < options.clients; i++) {
    clients[i].echo_sent_at_ns = calloc(ECHO_IN_FLIGHT_MAX, sizeof(uint64_t));
    for (int k = 0; k < options.in_flight; k++) echo_send(&clients[i]);
  }
}

static void echo_ack(Client *client, const uint8_t *packet, size_t length, uint64_t now) {
  char *end;
  uint32_t id = (uint32_t)strtoul((const char *)packet + 2, &end, 10);
  if (id != client->echo_answered++) fail("client %u: ack %u out of order", client->index, id);
  if (length < EVENT_LENGTH - 10 || memcmp(end, "[{\"id\":\"", 8)) fail("unexpected ack %.*s", (int)length, packet);
  counts.acks++;
  histogram_record(now - client->echo_sent_at_ns[id % ECHO_IN_FLIGHT_MAX]);
  echo_send(client);
}

Mode echo_mode = {.name = "echo", .start = echo_start, .ack = echo_ack};

Mode idle_mode = {.name = "idle"};
