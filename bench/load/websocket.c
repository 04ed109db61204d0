// WebSocket frames and, inside them, the packets of Engine.IO v4 and Socket.IO v5.
// The plain peers (ws, Bun, net, floor) carry the same texts without Engine.IO's opening.
#include "load.h"
#include <stdio.h>
#include <string.h>

enum { CONTINUATION, TEXT_FRAME, BINARY_FRAME, CLOSE = 8, PING, PONG };

void websocket_open(Client *client) {
  char request[512];
  int length = snprintf(request, sizeof request,
                        "GET /socket.io/?EIO=4&transport=websocket HTTP/1.1\r\n"
                        "Host: localhost:%d\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                        "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n",
                        options.port);
  conn_open(&client->conn, client, false);
  client->state = UPGRADING;
  conn_put(&client->conn, request, (size_t)length);
}

void websocket_send(Client *client, int opcode, const uint8_t *payload, size_t length) {
  size_t header = length < 126 ? 6 : 8;
  if (length > 0xffff) fail("message too large to send");
  uint8_t *at = conn_reserve(&client->conn, header + length);
  uint32_t key = (uint32_t)random_u64() | 0x01010101;
  at[0] = (uint8_t)(0x80 | opcode);
  if (length < 126) {
    at[1] = (uint8_t)(0x80 | length);
  } else {
    at[1] = 0x80 | 126;
    at[2] = (uint8_t)(length >> 8);
    at[3] = (uint8_t)length;
  }
  memcpy(at + header - 4, &key, 4);
  at += header;
  uint64_t wide = (uint64_t)key << 32 | key, word;
  size_t i = 0;
  for (; i + 8 <= length; i += 8) {
    memcpy(&word, payload + i, 8);
    word ^= wide;
    memcpy(at + i, &word, 8);
  }
  for (; i < length; i++) at[i] = payload[i] ^ (uint8_t)(key >> (8 * (i & 3)));
}

// As a client of ours that resumes says it for the first time.
static const char resume_connect[] = "40{\"holdfast\":{\"resume\":{\"credit\":1000}}}";

// What the server tells a client that resumes, and no event: it ends in a number.
static bool is_control(const uint8_t *packet, size_t length) {
  return options.resume && length > 3 && !memcmp(packet + length - 3, ",1]", 3);
}

// One Engine.IO packet, from either transport.
void packet_received(Client *client, const uint8_t *packet, size_t length, uint64_t now) {
  if (length >= 2 && packet[0] == '4') {
    switch (packet[1]) {
    case '2':
      if (is_control(packet, length)) return;
      if (mode->event) mode->event(client, packet, length, now);
      return;
    case '3':
      if (mode->ack) mode->ack(client, packet, length, now);
      return;
    case '0':
      if (client->state == CONNECTING) client_ready(client);
      return;
    case '5': // the head of a binary event; its attachment is what counts
      return;
    }
  }
  if (length >= 1 && packet[0] == '2') {
    send_packet(client, (const uint8_t *)"3", 1);
    return;
  }
  if (length >= 1 && packet[0] == '0' && client->state == OPENING) {
    client->state = CONNECTING;
    if (options.resume) {
      send_packet(client, (const uint8_t *)resume_connect, sizeof resume_connect - 1);
    } else {
      send_packet(client, (const uint8_t *)"40", 2);
    }
    return;
  }
  if (length == 1 && packet[0] == '6') return;
  fail("client %u: unexpected packet %.*s", client->index, (int)(length > 200 ? 200 : length), packet);
}

static size_t feed_upgrade(Conn *conn, const uint8_t *bytes, size_t length) {
  const uint8_t *end = memmem(bytes, length, "\r\n\r\n", 4);
  if (!end) return 0;
  if (length < 12 || memcmp(bytes, "HTTP/1.1 101", 12)) fail("upgrade refused: %.*s", 60, bytes);
  if (options.plain) {
    client_ready(conn->client);
  } else {
    conn->client->state = OPENING;
  }
  return (size_t)(end + 4 - bytes);
}

// Parses whole frames and returns how many bytes they took.
size_t websocket_feed(Conn *conn, const uint8_t *bytes, size_t length, uint64_t now) {
  Client *client = conn->client;
  size_t at = 0;
  if (client->state == UPGRADING) {
    at = feed_upgrade(conn, bytes, length);
    if (!at) return 0;
  }
  while (length - at >= 2) {
    const uint8_t *frame = bytes + at;
    size_t header = 2, size = frame[1];
    if (size > 127) fail("client %u: a masked frame", client->index);
    if (size == 126) {
      if (length - at < 4) break;
      header = 4;
      size = (size_t)frame[2] << 8 | frame[3];
    } else if (size == 127) {
      if (length - at < 10) break;
      header = 10;
      size = 0;
      for (int i = 2; i < 10; i++) size = size << 8 | frame[i];
    }
    if (length - at < header + size) break;
    at += header + size;
    switch (frame[0]) {
    case 0x80 | TEXT_FRAME:
      packet_received(client, frame + header, size, now);
      break;
    case 0x80 | BINARY_FRAME:
      if (mode->binary) mode->binary(client, size, now);
      break;
    case 0x80 | PING:
      websocket_send(client, PONG, frame + header, size);
      break;
    case 0x80 | PONG:
      break;
    default:
      fail("client %u: unexpected frame 0x%02x", client->index, frame[0]);
    }
  }
  return at;
}
