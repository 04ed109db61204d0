// TCP connections on one epoll: what is put into a connection while input is handled leaves in one write.
#include "load.h"
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#define READ_SIZE (256 * 1024)
#define BUFFER_SIZE (16 * 1024 * 1024)
#define EVENTS_MAX 1024

static int epoll_fd;
static struct sockaddr_in address;
static uint8_t *buffer;
static Conn **dirty;
static size_t dirty_count, dirty_capacity;
static bool stdin_watched;

void conn_init(void) {
  epoll_fd = epoll_create1(EPOLL_CLOEXEC);
  buffer = malloc(BUFFER_SIZE);
  address.sin_family = AF_INET;
  address.sin_port = htons((uint16_t)options.port);
  if (inet_pton(AF_INET, options.host, &address.sin_addr) != 1) fail("bad host %s", options.host);
}

// Connecting blocks: on the loopback it is done by the kernel alone, without the server's help.
void conn_open(Conn *conn, Client *client, bool post) {
  conn->client = client;
  conn->post = post;
  conn->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (conn->fd < 0) fail("socket: %s", strerror(errno));
  if (connect(conn->fd, (struct sockaddr *)&address, sizeof address) < 0) fail("connect: %s", strerror(errno));
  int on = 1;
  setsockopt(conn->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  // Closing sends a reset, so that no run leaves ports in TIME_WAIT to the next.
  struct linger reset = {.l_onoff = 1, .l_linger = 0};
  setsockopt(conn->fd, SOL_SOCKET, SO_LINGER, &reset, sizeof reset);
  fcntl(conn->fd, F_SETFL, fcntl(conn->fd, F_GETFL) | O_NONBLOCK);
  struct epoll_event event = {.events = EPOLLIN, .data.ptr = conn};
  epoll_ctl(epoll_fd, EPOLL_CTL_ADD, conn->fd, &event);
}

static void arm_write(Conn *conn, bool on) {
  if (conn->write_armed == on) return;
  conn->write_armed = on;
  struct epoll_event event = {.events = EPOLLIN | (on ? EPOLLOUT : 0), .data.ptr = conn};
  epoll_ctl(epoll_fd, EPOLL_CTL_MOD, conn->fd, &event);
}

static void mark_dirty(Conn *conn) {
  if (conn->dirty) return;
  conn->dirty = true;
  if (dirty_count == dirty_capacity) {
    dirty_capacity = dirty_capacity ? dirty_capacity * 2 : 1024;
    dirty = realloc(dirty, dirty_capacity * sizeof *dirty);
  }
  dirty[dirty_count++] = conn;
}

// Room for `length` bytes at the end of what is to be sent; the caller fills all of it.
uint8_t *conn_reserve(Conn *conn, size_t length) {
  if (conn->out_length + length > conn->out_capacity) {
    conn->out_capacity = conn->out_capacity ? conn->out_capacity * 2 : 256;
    while (conn->out_capacity < conn->out_length + length) conn->out_capacity *= 2;
    conn->out = realloc(conn->out, conn->out_capacity);
  }
  uint8_t *at = conn->out + conn->out_length;
  conn->out_length += length;
  mark_dirty(conn);
  return at;
}

void conn_put(Conn *conn, const void *bytes, size_t length) { memcpy(conn_reserve(conn, length), bytes, length); }

static void flush(Conn *conn) {
  while (conn->out_sent < conn->out_length) {
    ssize_t n = send(conn->fd, conn->out + conn->out_sent, conn->out_length - conn->out_sent, MSG_NOSIGNAL);
    if (n < 0 && errno == EAGAIN) {
      arm_write(conn, true);
      return;
    }
    if (n < 0) fail("client %u: send: %s", conn->client->index, strerror(errno));
    conn->out_sent += (size_t)n;
  }
  conn->out_length = conn->out_sent = 0;
  arm_write(conn, false);
}

void conn_flush_dirty(void) {
  for (size_t i = 0; i < dirty_count; i++) {
    dirty[i]->dirty = false;
    if (!dirty[i]->write_armed) flush(dirty[i]);
  }
  dirty_count = 0;
}

static void keep_rest(Conn *conn, const uint8_t *bytes, size_t length) {
  if (length > conn->stash_capacity) {
    conn->stash_capacity = length * 2;
    free(conn->stash);
    conn->stash = malloc(conn->stash_capacity);
  }
  memcpy(conn->stash, bytes, length);
  conn->stash_length = length;
}

static void readable(Conn *conn) {
  size_t length = conn->stash_length;
  if (length + READ_SIZE > BUFFER_SIZE) fail("client %u: message too large", conn->client->index);
  if (length) memcpy(buffer, conn->stash, length);
  ssize_t n = recv(conn->fd, buffer + length, READ_SIZE, 0);
  if (n < 0 && errno == EAGAIN) return;
  if (n < 0) fail("client %u: recv: %s", conn->client->index, strerror(errno));
  if (n == 0) fail("client %u: the server closed the connection", conn->client->index);
  counts.bytes += (uint64_t)n;
  length += (size_t)n;
  conn->stash_length = 0;
  uint64_t now = now_ns();
  size_t used = options.polling ? polling_feed(conn, buffer, length, now) : websocket_feed(conn, buffer, length, now);
  if (used < length) keep_rest(conn, buffer + used, length - used);
}

// Handles what arrives until `until_ns`, or once at least something did. True if stdin, where wanted, is readable.
bool conn_wait(uint64_t until_ns, bool want_stdin) {
  struct epoll_event events[EVENTS_MAX];
  if (want_stdin != stdin_watched) {
    struct epoll_event event = {.events = EPOLLIN, .data.ptr = NULL};
    epoll_ctl(epoll_fd, want_stdin ? EPOLL_CTL_ADD : EPOLL_CTL_DEL, 0, &event);
    stdin_watched = want_stdin;
  }
  conn_flush_dirty();
  uint64_t now = now_ns(), wait_ns = until_ns > now ? until_ns - now : 0;
  struct timespec timeout = {.tv_sec = (time_t)(wait_ns / 1000000000u), .tv_nsec = (long)(wait_ns % 1000000000u)};
  bool stdin_readable = false;
  int count = epoll_pwait2(epoll_fd, events, EVENTS_MAX, &timeout, NULL);
  for (int i = 0; i < count; i++) {
    Conn *conn = events[i].data.ptr;
    if (!conn) {
      stdin_readable = true;
      continue;
    }
    if (events[i].events & EPOLLOUT) {
      flush(conn);
      if (!conn->write_armed && mode->writable) mode->writable(conn->client);
    }
    if (events[i].events & (EPOLLIN | EPOLLHUP | EPOLLERR)) readable(conn);
    conn_flush_dirty();
  }
  return stdin_readable;
}

void conn_close_all(void) {
  for (int i = 0; i < options.clients; i++) {
    if (clients[i].conn.fd > 0) close(clients[i].conn.fd);
    if (clients[i].post.fd > 0) close(clients[i].post.fd);
  }
}
