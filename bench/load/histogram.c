// Latencies in log-linear buckets: 64 per power of two, so a percentile is off by 1.6% at most.
#include "load.h"
#include <string.h>

#define SUB_BITS 6
#define SUB (1u << SUB_BITS)

static uint64_t buckets[64 * SUB];
static uint64_t total, largest;

static size_t bucket_of(uint64_t ns) {
  if (ns < SUB) return ns;
  int shift = 63 - __builtin_clzll(ns) - SUB_BITS;
  return (size_t)shift * SUB + (ns >> shift);
}

static uint64_t middle_of(size_t bucket) {
  if (bucket < 2 * SUB) return bucket;
  int shift = (int)(bucket / SUB) - 1;
  uint64_t low = (uint64_t)(bucket - (size_t)shift * SUB) << shift;
  return low + (1ull << shift) / 2;
}

void histogram_reset(void) {
  memset(buckets, 0, sizeof buckets);
  total = largest = 0;
}

void histogram_record(uint64_t ns) {
  buckets[bucket_of(ns)]++;
  total++;
  if (ns > largest) largest = ns;
}

double histogram_percentile_ms(double share) {
  uint64_t wanted = (uint64_t)(share * (double)total), seen = 0;
  for (size_t i = 0; i < sizeof buckets / sizeof *buckets; i++) {
    seen += buckets[i];
    if (seen > wanted) return (double)middle_of(i) / 1e6;
  }
  return (double)largest / 1e6;
}

double histogram_max_ms(void) { return (double)largest / 1e6; }
uint64_t histogram_count(void) { return total; }
