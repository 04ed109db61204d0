// The load generator: one thread, one epoll, many clients speaking WebSocket (or long-polling),
// Engine.IO v4 and Socket.IO v5 as bytes. It MUST stay cheaper than any server it measures.
#ifndef LOAD_H
#define LOAD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define ROOMS_PER_CLIENT 10
#define ECHO_IN_FLIGHT_MAX 64

// What every chat message says: 80 bytes of JSON, 91 as a packet, 93 on the wire.
#define TEXT "Shall we meet at the usual place after lunch?"
#define EVENT_PREFIX "42[\"chat\",{\"id\":\""
#define EVENT_PREFIX_LENGTH (sizeof EVENT_PREFIX - 1)
#define EVENT_SUFFIX "\",\"text\":\"" TEXT "\"}]"
#define EVENT_LENGTH (EVENT_PREFIX_LENGTH + 16 + sizeof EVENT_SUFFIX - 1)
#define PACKET_MAX 512

typedef struct Client Client;

// One TCP connection. A WebSocket client has one, a long-polling client two (GET and POST).
typedef struct {
  int fd;
  Client *client;
  bool post;        // the POST connection of a long-polling client
  bool dirty;       // has bytes to send and stands on the dirty list
  bool write_armed; // waits for EPOLLOUT
  uint8_t *stash;   // the unparsed rest of the last read
  size_t stash_length, stash_capacity;
  uint8_t *out;
  size_t out_length, out_sent, out_capacity;
} Conn;

typedef enum { UPGRADING, OPENING, CONNECTING, READY } State;

struct Client {
  Conn conn;
  Conn post;
  State state;
  uint32_t index;
  char id[8]; // the index in hexadecimal, as it stands in this client's messages
  uint32_t sequence;
  uint32_t ack_id;
  uint64_t sent_at_ns;
  uint64_t received;
  uint64_t order; // a hash over the ids received, in order: equal for all members of one room
  uint64_t *echo_sent_at_ns;
  uint32_t echo_answered;
  char sid[64];
  bool post_busy;
  uint8_t *post_body; // packets that wait for the POST under way to be answered
  size_t post_body_length, post_body_capacity;
  uint16_t rooms[ROOMS_PER_CLIENT];
};

// What a bench does with its clients. Any member may be NULL.
typedef struct {
  const char *name;
  void (*prepare)(void); // every client is connected; calls `prepared()` when the run may start
  void (*start)(void);
  void (*event)(Client *client, const uint8_t *packet, size_t length, uint64_t now_ns);
  void (*ack)(Client *client, const uint8_t *packet, size_t length, uint64_t now_ns);
  void (*binary)(Client *client, size_t length, uint64_t now_ns);
  void (*writable)(Client *client);        // everything this client had to send is sent
  uint64_t (*timer)(uint64_t now_ns);      // returns when to be called next
  void (*measured)(uint64_t now_ns);       // the window ends
  void (*finish)(void);                    // after the run; calls `finished()` when done
} Mode;

typedef struct {
  const char *mode, *host, *flood;
  int port, pid, clients, in_flight, copies, opening_max, warm_clients, rooms;
  double warm_s, time_s, drain_s, rate;
  bool plain, polling, ack, binary, hold, stamped, resume;
} Options;

typedef struct {
  uint64_t sent, delivered, acks, bytes;
} Counts;

extern Options options;
extern Counts counts;
extern Client *clients;
extern Mode *mode;
extern bool stopped; // the run is over: nothing new is sent

// load.c
uint64_t now_ns(void);
uint64_t random_u64(void);
void fail(const char *format, ...) __attribute__((format(printf, 1, 2), noreturn));
void client_ready(Client *client);
void prepared(void);
void finished(void);
void hold(const char *name, void (*then)(void));

// conn.c
void conn_init(void);
void conn_open(Conn *conn, Client *client, bool post);
void conn_put(Conn *conn, const void *bytes, size_t length);
uint8_t *conn_reserve(Conn *conn, size_t length);
void conn_flush_dirty(void);
bool conn_wait(uint64_t until_ns, bool want_stdin);
void conn_close_all(void);

// websocket.c
void websocket_open(Client *client);
size_t websocket_feed(Conn *conn, const uint8_t *bytes, size_t length, uint64_t now);
void websocket_send(Client *client, int opcode, const uint8_t *payload, size_t length);
void packet_received(Client *client, const uint8_t *packet, size_t length, uint64_t now);

// polling.c
void polling_open(Client *client);
size_t polling_feed(Conn *conn, const uint8_t *bytes, size_t length, uint64_t now);
void polling_send(Client *client, const uint8_t *payload, size_t length);

// message.c
void send_packet(Client *client, const uint8_t *packet, size_t length);
void send_chat(Client *client, bool ack);
void send_echo(Client *client);
uint32_t message_sequence(const uint8_t *packet);
void check_event(const uint8_t *packet, size_t length);

// histogram.c
void histogram_reset(void);
void histogram_record(uint64_t ns);
double histogram_percentile_ms(double share);
double histogram_max_ms(void);
uint64_t histogram_count(void);

// modes.c, rooms.c, fairness.c
extern Mode chat_mode, fan_mode, pace_mode, echo_mode, idle_mode, rooms_mode, fairness_mode;
const char *chat_check(void); // NULL, or what is wrong with what the clients saw

#endif
