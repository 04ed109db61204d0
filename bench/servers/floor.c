// The kernel's own cost of a broadcast: C, one epoll, and one `write` per client and turn with everything the
// turn brought. No limits, no checks, no memory of who is slow: a bound, not a server.
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#define EVENTS_MAX 1024
#define READ_SIZE 65536
#define FILES_MAX 65536

typedef struct {
  bool upgraded;
  uint8_t *rest;
  size_t rest_length;
} Client;

static Client clients[FILES_MAX];
static int members[FILES_MAX], member_count;
static uint8_t *turn; // what this turn brought, as frames for the clients
static size_t turn_length, turn_capacity;

static void leave(int fd) {
  for (int i = 0; i < member_count; i++) {
    if (members[i] == fd) members[i] = members[--member_count];
  }
  free(clients[fd].rest);
  clients[fd] = (Client){0};
  close(fd);
}

// The generator always sends the key of RFC 6455's example, so the answer is the example's too.
static void upgrade(int fd) {
  static const char answer[] = "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                               "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n";
  if (write(fd, answer, sizeof answer - 1) < 0) return;
  clients[fd].upgraded = true;
  members[member_count++] = fd;
}

static size_t read_frames(const uint8_t *bytes, size_t length) {
  size_t at = 0;
  while (length - at >= 6) {
    size_t size = bytes[at + 1] & 127, header = size == 126 ? 4 : 2;
    if (size == 126) size = (size_t)bytes[at + 2] << 8 | bytes[at + 3];
    if (length - at < header + 4 + size) break;
    const uint8_t *mask = bytes + at + header, *payload = mask + 4;
    if (turn_length + header + size > turn_capacity) {
      turn_capacity = (turn_capacity + header + size) * 2;
      turn = realloc(turn, turn_capacity);
    }
    uint8_t *out = turn + turn_length;
    memcpy(out, bytes + at, header);
    out[1] &= 127;
    for (size_t i = 0; i < size; i++) out[header + i] = payload[i] ^ mask[i & 3];
    turn_length += header + size;
    at += header + 4 + size;
  }
  return at;
}

static void readable(int fd) {
  static uint8_t buffer[2 * READ_SIZE];
  Client *client = &clients[fd];
  size_t length = client->rest_length;
  if (length) memcpy(buffer, client->rest, length);
  ssize_t n = read(fd, buffer + length, READ_SIZE);
  if (n <= 0) {
    if (n == 0 || errno != EAGAIN) leave(fd);
    return;
  }
  if (!client->upgraded) {
    upgrade(fd);
    return;
  }
  length += (size_t)n;
  size_t used = read_frames(buffer, length);
  client->rest_length = length - used;
  if (client->rest_length) {
    client->rest = realloc(client->rest, client->rest_length);
    memcpy(client->rest, buffer + used, client->rest_length);
  }
}

// A full socket is waited for: the generator always reads.
static void write_turn(void) {
  for (int i = 0; i < member_count; i++) {
    for (size_t sent = 0; sent < turn_length;) {
      ssize_t n = send(members[i], turn + sent, turn_length - sent, MSG_NOSIGNAL | MSG_DONTWAIT);
      if (n > 0) {
        sent += (size_t)n;
      } else if (errno == EAGAIN) {
        struct pollfd wait = {.fd = members[i], .events = POLLOUT};
        poll(&wait, 1, -1);
      } else {
        break; // its end arrives as a read
      }
    }
  }
  turn_length = 0;
}

static void command(void) {
  char line[256];
  ssize_t n = read(0, line, sizeof line);
  if (n <= 0 || !strncmp(line, "quit", 4)) exit(0);
  printf("{\"settled\":true,\"heapUsed\":0,\"external\":0,\"connections\":%d,\"rooms\":0}\n", member_count);
  fflush(stdout);
}

int main(void) {
  struct rlimit files;
  getrlimit(RLIMIT_NOFILE, &files);
  files.rlim_cur = files.rlim_max;
  setrlimit(RLIMIT_NOFILE, &files);
  int listener = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0), on = 1;
  struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
  socklen_t size = sizeof address;
  if (bind(listener, (struct sockaddr *)&address, size) || listen(listener, 511)) return 1;
  getsockname(listener, (struct sockaddr *)&address, &size);
  printf("{\"ready\":%d}\n", ntohs(address.sin_port));
  fflush(stdout);
  int epoll_fd = epoll_create1(0);
  struct epoll_event event = {.events = EPOLLIN, .data.fd = listener}, events[EVENTS_MAX];
  epoll_ctl(epoll_fd, EPOLL_CTL_ADD, listener, &event);
  event.data.fd = 0;
  epoll_ctl(epoll_fd, EPOLL_CTL_ADD, 0, &event);
  for (;;) {
    int count = epoll_wait(epoll_fd, events, EVENTS_MAX, -1);
    for (int i = 0; i < count; i++) {
      int fd = events[i].data.fd;
      if (fd == 0) {
        command();
      } else if (fd == listener) {
        while ((fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK)) >= 0) {
          setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
          event.data.fd = fd;
          epoll_ctl(epoll_fd, EPOLL_CTL_ADD, fd, &event);
        }
      } else {
        readable(fd);
      }
    }
    if (turn_length) write_turn();
  }
}
