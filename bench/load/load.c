// Opens the clients, warms up, measures one window and prints one line of JSON.
//   open all -> prepare -> start -> warm-up -> window -> stop -> drain -> finish
// The server's CPU time is read from the operating system at both ends of the window.
#include "load.h"
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#define SETTLE_S 0.3
#define SPARE_FILES 64
#define DRAIN_STEP_S 0.25
#define LOST_S 3 // what has not come after so long without any byte is lost

Options options = {.mode = "chat", .host = "127.0.0.1", .flood = "none", .clients = 100, .in_flight = 1,
                   .copies = 1, .opening_max = 64, .warm_s = 1, .time_s = 3, .drain_s = 3, .rate = 20, .rooms = 5000};
Counts counts;
Client *clients;
Mode *mode;
bool stopped;

static enum { OPENING_ALL, PREPARING, SETTLING, WARMING, MEASURING, DRAINING, FINISHING } phase;
static int opened, ready;
static uint64_t phase_end_ns = UINT64_MAX, first_open_ns, warm_open_ns, all_open_ns;
static double warm_open_cpu_s, all_open_cpu_s;
static bool done, drained, holding;
static void (*after_hold)(void);

typedef struct {
  uint64_t at_ns;
  double server_s, load_s;
  long user_ticks, system_ticks;
  Counts counts;
} Snapshot;
static Snapshot window_start, window_end;
static struct {
  double p50, p99, p999, max;
  uint64_t samples;
} latency;

uint64_t now_ns(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

uint64_t random_u64(void) {
  static uint64_t state = 0x9e3779b97f4a7c15u;
  state ^= state << 13;
  state ^= state >> 7;
  return state ^= state << 17;
}

void fail(const char *format, ...) {
  char text[1024];
  va_list arguments;
  va_start(arguments, format);
  vsnprintf(text, sizeof text, format, arguments);
  va_end(arguments);
  for (char *at = text; *at; at++) {
    if (*at == '"' || *at == '\\' || (unsigned char)*at < ' ') *at = '\'';
  }
  printf("{\"error\":\"%s\"}\n", text);
  exit(1);
}

static double seconds_of(clockid_t clock) {
  struct timespec t;
  if (clock_gettime(clock, &t) < 0) fail("the server's CPU clock cannot be read");
  return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void read_ticks(Snapshot *snapshot) {
  char path[64], line[1024];
  snprintf(path, sizeof path, "/proc/%d/stat", options.pid);
  FILE *file = fopen(path, "r");
  if (!file || !fgets(line, sizeof line, file)) fail("%s cannot be read", path);
  fclose(file);
  char *after_name = strrchr(line, ')');
  sscanf(after_name + 2, "%*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %ld %ld", &snapshot->user_ticks,
         &snapshot->system_ticks);
}

// All threads of the server, in user and kernel mode.
static double server_cpu_s(void) {
  clockid_t clock;
  if (clock_getcpuclockid(options.pid, &clock)) fail("no process %d", options.pid);
  return seconds_of(clock);
}

static Snapshot take_snapshot(void) {
  Snapshot snapshot = {.counts = counts};
  snapshot.server_s = server_cpu_s();
  read_ticks(&snapshot);
  snapshot.load_s = seconds_of(CLOCK_PROCESS_CPUTIME_ID);
  snapshot.at_ns = now_ns();
  return snapshot;
}

static void enter_phase(int next, double seconds) {
  phase = next;
  phase_end_ns = seconds < 0 ? UINT64_MAX : now_ns() + (uint64_t)(seconds * 1e9);
}

static void open_more(void) {
  while (opened < options.clients && opened - ready < options.opening_max) {
    Client *client = &clients[opened];
    char id[9];
    client->index = (uint32_t)opened++;
    snprintf(id, sizeof id, "%08x", client->index);
    memcpy(client->id, id, 8);
    if (options.polling) {
      polling_open(client);
    } else {
      websocket_open(client);
    }
  }
}

void client_ready(Client *client) {
  client->state = READY;
  ready++;
  if (ready == options.warm_clients) {
    warm_open_ns = now_ns();
    warm_open_cpu_s = server_cpu_s();
  }
  if (ready == options.clients) {
    all_open_ns = now_ns();
    all_open_cpu_s = server_cpu_s();
  }
  open_more();
}

void prepared(void) { enter_phase(SETTLING, SETTLE_S); }
void finished(void) { done = true; }

// Tells the runner that a stage is reached and goes on when it says so (a line on stdin).
void hold(const char *name, void (*then)(void)) {
  printf("{\"hold\":\"%s\"}\n", name);
  fflush(stdout);
  holding = true;
  after_hold = then;
}

static void finish(void) {
  enter_phase(FINISHING, -1);
  if (mode->finish) {
    mode->finish();
  } else if (options.hold) {
    hold("idle", finished);
  } else {
    finished();
  }
}

static void phase_ended(void) {
  static uint64_t seen_bytes;
  static double drain_left_s, quiet_s;
  switch ((int)phase) {
  case SETTLING:
    enter_phase(WARMING, options.warm_s);
    if (mode->start) mode->start();
    return;
  case WARMING:
    histogram_reset();
    window_start = take_snapshot();
    enter_phase(MEASURING, options.time_s);
    return;
  case MEASURING:
    window_end = take_snapshot();
    if (mode->measured) mode->measured(window_end.at_ns);
    latency.p50 = histogram_percentile_ms(0.5);
    latency.p99 = histogram_percentile_ms(0.99);
    latency.p999 = histogram_percentile_ms(0.999);
    latency.max = histogram_max_ms();
    latency.samples = histogram_count();
    stopped = true;
    seen_bytes = UINT64_MAX;
    drain_left_s = options.drain_s;
    enter_phase(DRAINING, DRAIN_STEP_S);
    return;
  case DRAINING: {
    const char *problem = mode == &chat_mode ? chat_check() : NULL;
    quiet_s = seen_bytes == counts.bytes ? quiet_s + DRAIN_STEP_S : 0;
    seen_bytes = counts.bytes;
    if (quiet_s >= LOST_S && problem) fail("%s", problem);
    drained = quiet_s > 0 && !problem;
    drain_left_s -= DRAIN_STEP_S;
    // Who has stopped answering with messages owed is waited for, and then failed.
    if (drained || (drain_left_s <= 0 && quiet_s == 0)) {
      finish();
    } else {
      enter_phase(DRAINING, DRAIN_STEP_S);
    }
    return;
  }
  }
}

static void report(void) {
  double seconds = (double)(window_end.at_ns - window_start.at_ns) / 1e9, tick = (double)sysconf(_SC_CLK_TCK);
  Counts *a = &window_start.counts, *b = &window_end.counts;
  printf("{\"mode\":\"%s\",\"clients\":%d,\"seconds\":%.6f,", mode->name, options.clients, seconds);
  printf("\"sent\":%llu,\"delivered\":%llu,\"acks\":%llu,\"bytes\":%llu,", (unsigned long long)(b->sent - a->sent),
         (unsigned long long)(b->delivered - a->delivered), (unsigned long long)(b->acks - a->acks),
         (unsigned long long)(b->bytes - a->bytes));
  printf("\"serverCpu\":%.9f,\"serverUser\":%.2f,\"serverSystem\":%.2f,\"loadCpu\":%.9f,",
         window_end.server_s - window_start.server_s, (double)(window_end.user_ticks - window_start.user_ticks) / tick,
         (double)(window_end.system_ticks - window_start.system_ticks) / tick, window_end.load_s - window_start.load_s);
  printf("\"p50\":%.4f,\"p99\":%.4f,\"p999\":%.4f,\"max\":%.4f,\"samples\":%llu,", latency.p50, latency.p99,
         latency.p999, latency.max, (unsigned long long)latency.samples);
  printf("\"connectSeconds\":%.6f,\"connectCpu\":%.6f,\"connectCount\":%d,\"drained\":%s,\"loadCpuTotal\":%.6f}\n",
         (double)(all_open_ns - (warm_open_ns ? warm_open_ns : first_open_ns)) / 1e9,
         all_open_cpu_s - warm_open_cpu_s, options.clients - options.warm_clients, drained ? "true" : "false",
         seconds_of(CLOCK_PROCESS_CPUTIME_ID));
}

static void parse_arguments(int count, char **arguments) {
  for (int i = 1; i + 1 < count; i += 2) {
    const char *name = arguments[i], *value = arguments[i + 1];
    if (!strcmp(name, "--mode")) options.mode = value;
    else if (!strcmp(name, "--flood")) options.flood = value;
    else if (!strcmp(name, "--port")) options.port = atoi(value);
    else if (!strcmp(name, "--pid")) options.pid = atoi(value);
    else if (!strcmp(name, "--clients")) options.clients = atoi(value);
    else if (!strcmp(name, "--in-flight")) options.in_flight = atoi(value);
    else if (!strcmp(name, "--copies")) options.copies = atoi(value);
    else if (!strcmp(name, "--rooms")) options.rooms = atoi(value);
    else if (!strcmp(name, "--warm-clients")) options.warm_clients = atoi(value);
    else if (!strcmp(name, "--warm")) options.warm_s = atof(value);
    else if (!strcmp(name, "--time")) options.time_s = atof(value);
    else if (!strcmp(name, "--drain")) options.drain_s = atof(value);
    else if (!strcmp(name, "--rate")) options.rate = atof(value);
    else if (!strcmp(name, "--plain")) options.plain = atoi(value);
    else if (!strcmp(name, "--polling")) options.polling = atoi(value);
    else if (!strcmp(name, "--ack")) options.ack = atoi(value);
    else if (!strcmp(name, "--binary")) options.binary = atoi(value);
    else if (!strcmp(name, "--stamped")) options.stamped = atoi(value);
    else if (!strcmp(name, "--resume")) options.resume = atoi(value);
    else if (!strcmp(name, "--hold")) options.hold = atoi(value);
    else fail("unknown option %s", name);
  }
  Mode *modes[] = {&chat_mode, &fan_mode, &pace_mode, &echo_mode, &idle_mode, &rooms_mode, &fairness_mode};
  for (size_t i = 0; i < sizeof modes / sizeof *modes; i++) {
    if (!strcmp(modes[i]->name, options.mode)) mode = modes[i];
  }
  if (!mode) fail("unknown mode %s", options.mode);
}

static void allow_files(rlim_t wanted) {
  struct rlimit files;
  getrlimit(RLIMIT_NOFILE, &files);
  if (files.rlim_cur >= wanted) return;
  if (files.rlim_max < wanted) files.rlim_max = wanted; // root may
  files.rlim_cur = wanted;
  if (setrlimit(RLIMIT_NOFILE, &files) < 0) fail("%d clients need %d open files: raise ulimit -n", options.clients, (int)wanted);
}

int main(int count, char **arguments) {
  parse_arguments(count, arguments);
  allow_files((rlim_t)options.clients * (options.polling ? 2 : 1) + SPARE_FILES);
  clients = calloc((size_t)options.clients, sizeof *clients);
  conn_init();
  first_open_ns = now_ns();
  open_more();
  uint64_t timer_due = 0;
  while (!done) {
    uint64_t now = now_ns();
    if (phase == OPENING_ALL && ready == options.clients) {
      enter_phase(PREPARING, -1);
      if (mode->prepare) {
        mode->prepare();
      } else {
        prepared();
      }
    }
    if (now >= phase_end_ns) phase_ended();
    bool timed = mode->timer && (phase == WARMING || phase == MEASURING);
    if (timed) timer_due = mode->timer(now);
    uint64_t until = timed && timer_due < phase_end_ns ? timer_due : phase_end_ns;
    if (until == UINT64_MAX) until = now + 1000000000u;
    if (conn_wait(until, holding)) {
      char line[64];
      if (read(0, line, sizeof line) <= 0) return 1; // the runner is gone
      holding = false;
      after_hold();
    }
  }
  report();
  fflush(stdout);
  conn_close_all();
  return 0;
}
