// The packets that clients send, and the checks on those that come back.
#include "load.h"
#include <stdio.h>
#include <string.h>

#define STAMP_MAX 40

static void put_hex(uint8_t *at, uint32_t value) {
  static const char digits[] = "0123456789abcdef";
  for (int i = 7; i >= 0; i--, value >>= 4) at[i] = (uint8_t)digits[value & 15];
}

void send_packet(Client *client, const uint8_t *packet, size_t length) {
  if (options.polling) {
    polling_send(client, packet, length);
  } else {
    websocket_send(client, 1, packet, length);
  }
}

static size_t put_decimal(uint8_t *at, uint32_t value) {
  uint8_t digits[10];
  size_t count = 0, length;
  do digits[count++] = (uint8_t)('0' + value % 10);
  while (value /= 10);
  length = count;
  while (count) *at++ = digits[--count];
  return length;
}

static void send_message(Client *client, const char *name, bool ack) {
  uint8_t packet[PACKET_MAX], *at = packet;
  memcpy(at, "42", 2), at += 2;
  if (ack) at += put_decimal(at, client->ack_id++);
  memcpy(at, "[\"", 2), at += 2;
  memcpy(at, name, 4), at += 4;
  memcpy(at, "\",{\"id\":\"", 9), at += 9;
  memcpy(at, client->id, 8), at += 8;
  put_hex(at, client->sequence++), at += 8;
  memcpy(at, EVENT_SUFFIX, sizeof EVENT_SUFFIX - 1), at += sizeof EVENT_SUFFIX - 1;
  send_packet(client, packet, (size_t)(at - packet));
  counts.sent++;
}

void send_chat(Client *client, bool ack) { send_message(client, "chat", ack); }
void send_echo(Client *client) { send_message(client, "echo", true); }

uint32_t message_sequence(const uint8_t *packet) {
  const uint8_t *at = packet + EVENT_PREFIX_LENGTH + 8;
  uint32_t value = 0;
  for (int i = 0; i < 8; i++) value = value << 4 | (at[i] <= '9' ? at[i] - '0' : at[i] - 'a' + 10);
  return value;
}

// Recovery adds an offset as the last argument; resume does too, or an empty text.
static bool has_length(const uint8_t *packet, size_t length) {
  if (!options.stamped) return length == EVENT_LENGTH;
  return length >= EVENT_LENGTH + 3 && length < EVENT_LENGTH + STAMP_MAX && !memcmp(packet + length - 2, "\"]", 2);
}

// Length and head of every event are checked: no server may save itself the work.
void check_event(const uint8_t *packet, size_t length) {
  if (!has_length(packet, length) || memcmp(packet, EVENT_PREFIX, EVENT_PREFIX_LENGTH)) {
    fail("unexpected event %.*s", (int)(length > 200 ? 200 : length), packet);
  }
}
