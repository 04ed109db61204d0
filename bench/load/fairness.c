// fairness: client 0 sends as fast as its connection takes it; all others ask for an echo ten times a second,
// on schedule. Recorded is how long these quiet clients wait.
#include "load.h"
#include <stdlib.h>
#include <string.h>

#define QUIET_GAP_NS 100000000ull
#define FLOOD_BATCH 256

static uint64_t started_ns, quiet_sent;

static void fairness_start(void) {
  started_ns = now_ns();
  for (int i = 1; i < options.clients; i++) {
    clients[i].echo_sent_at_ns = calloc(ECHO_IN_FLIGHT_MAX, sizeof(uint64_t));
  }
}

static void flood(void) {
  bool echo = !strcmp(options.flood, "echo");
  for (int i = 0; i < FLOOD_BATCH; i++) {
    if (echo) {
      send_echo(&clients[0]);
    } else {
      send_chat(&clients[0], false);
    }
  }
}

static uint64_t fairness_timer(uint64_t now) {
  if (stopped) return UINT64_MAX;
  uint64_t quiet = (uint64_t)options.clients - 1, gap_ns = QUIET_GAP_NS / quiet, due;
  while ((due = started_ns + quiet_sent * gap_ns) <= now) {
    Client *client = &clients[1 + quiet_sent++ % quiet];
    if (client->ack_id - client->echo_answered >= ECHO_IN_FLIGHT_MAX) continue;
    client->echo_sent_at_ns[client->ack_id % ECHO_IN_FLIGHT_MAX] = due;
    send_echo(client);
  }
  if (!strcmp(options.flood, "none")) return due;
  if (!clients[0].conn.out_length) flood();
  return clients[0].conn.write_armed ? due : now;
}

static void fairness_ack(Client *client, const uint8_t *packet, size_t length, uint64_t now) {
  (void)length;
  if (client->index == 0) {
    counts.acks++;
    return;
  }
  uint32_t id = (uint32_t)strtoul((const char *)packet + 2, NULL, 10);
  if (id != client->echo_answered++) fail("client %u: ack %u out of order", client->index, id);
  histogram_record(now - client->echo_sent_at_ns[id % ECHO_IN_FLIGHT_MAX]);
}

static void fairness_event(Client *client, const uint8_t *packet, size_t length, uint64_t now) {
  (void)client, (void)now;
  check_event(packet, length);
  counts.delivered++;
}

// Who still waits when the window ends has waited at least so long.
static void fairness_measured(uint64_t now) {
  for (int i = 1; i < options.clients; i++) {
    for (uint32_t id = clients[i].echo_answered; id != clients[i].ack_id; id++) {
      histogram_record(now - clients[i].echo_sent_at_ns[id % ECHO_IN_FLIGHT_MAX]);
    }
  }
}

Mode fairness_mode = {.name = "fairness",
                      .start = fairness_start,
                      .event = fairness_event,
                      .ack = fairness_ack,
                      .timer = fairness_timer,
                      .measured = fairness_measured};
