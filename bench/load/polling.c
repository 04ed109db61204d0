// Engine.IO long-polling: one connection waits in a GET, the other carries the POSTs.
#include "load.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define SEPARATOR 0x1e

static void get(Client *client) {
  char request[256];
  int length = snprintf(request, sizeof request,
                        "GET /socket.io/?EIO=4&transport=polling%s%s HTTP/1.1\r\nHost: localhost:%d\r\n\r\n",
                        client->sid[0] ? "&sid=" : "", client->sid, options.port);
  conn_put(&client->conn, request, (size_t)length);
}

static void post(Client *client) {
  char head[256];
  int length = snprintf(head, sizeof head,
                        "POST /socket.io/?EIO=4&transport=polling&sid=%s HTTP/1.1\r\nHost: localhost:%d\r\n"
                        "Content-Type: text/plain;charset=UTF-8\r\nContent-Length: %zu\r\n\r\n",
                        client->sid, options.port, client->post_body_length);
  conn_put(&client->post, head, (size_t)length);
  conn_put(&client->post, client->post_body, client->post_body_length);
  client->post_body_length = 0;
  client->post_busy = true;
}

void polling_open(Client *client) {
  conn_open(&client->conn, client, false);
  conn_open(&client->post, client, true);
  client->state = OPENING;
  get(client);
}

void polling_send(Client *client, const uint8_t *payload, size_t length) {
  size_t wanted = client->post_body_length + length + 1;
  if (wanted > client->post_body_capacity) {
    client->post_body_capacity = wanted * 2;
    client->post_body = realloc(client->post_body, client->post_body_capacity);
  }
  if (client->post_body_length) client->post_body[client->post_body_length++] = SEPARATOR;
  memcpy(client->post_body + client->post_body_length, payload, length);
  client->post_body_length += length;
  if (!client->post_busy) post(client);
}

static void read_sid(Client *client, const uint8_t *body, size_t length) {
  const uint8_t *at = memmem(body, length, "\"sid\":\"", 7);
  const uint8_t *end = at ? memchr(at + 7, '"', (size_t)(body + length - at - 7)) : NULL;
  if (!end || (size_t)(end - at - 7) >= sizeof client->sid) fail("polling: no sid in the handshake");
  memcpy(client->sid, at + 7, (size_t)(end - at - 7));
}

static void payload_received(Client *client, const uint8_t *body, size_t length, uint64_t now) {
  const uint8_t *end = body + length;
  while (body < end) {
    const uint8_t *next = memchr(body, SEPARATOR, (size_t)(end - body));
    if (!next) next = end;
    packet_received(client, body, (size_t)(next - body), now);
    body = next + 1;
  }
}

static long content_length(const uint8_t *head, const uint8_t *end) {
  for (const uint8_t *line = head; line < end;) {
    if (!strncasecmp((const char *)line, "content-length:", 15)) return strtol((const char *)line + 15, NULL, 10);
    line = memmem(line, (size_t)(end - line), "\r\n", 2);
    if (!line) break;
    line += 2;
  }
  return -1;
}

size_t polling_feed(Conn *conn, const uint8_t *bytes, size_t length, uint64_t now) {
  Client *client = conn->client;
  size_t at = 0;
  while (at < length) {
    const uint8_t *head = bytes + at, *end = memmem(head, length - at, "\r\n\r\n", 4);
    if (!end) break;
    if (memcmp(head, "HTTP/1.1 200", 12)) fail("polling: %.*s", (int)(length - at > 300 ? 300 : length - at), head);
    long size = content_length(head, end + 2);
    if (size < 0) fail("polling: an answer without Content-Length");
    const uint8_t *body = end + 4;
    if ((size_t)(bytes + length - body) < (size_t)size) break;
    at = (size_t)(body - bytes) + (size_t)size;
    if (conn->post) {
      client->post_busy = false;
      if (client->post_body_length) post(client);
      continue;
    }
    if (client->state == OPENING) read_sid(client, body, (size_t)size);
    payload_received(client, body, (size_t)size, now);
    get(client);
  }
  return at;
}
