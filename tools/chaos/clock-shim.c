/*
 * Shifts the wall clock of one process: what gettimeofday, time and clock_gettime(CLOCK_REALTIME) say is off by the
 * microseconds that stand, as one 64-bit number, in the file that CHAOS_CLOCK_FILE names. The file is mapped, so a
 * change of it steps the clock of the running process. Other clocks are left alone.
 *
 * cc -shared -fPIC -O2 -o clock-shim.so clock-shim.c -ldl ; LD_PRELOAD=./clock-shim.so CHAOS_CLOCK_FILE=offset redis-server
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

static const volatile int64_t *offset;

__attribute__((constructor)) static void map_offset(void) {
  const char *name = getenv("CHAOS_CLOCK_FILE");
  int file = name ? open(name, O_RDONLY | O_CLOEXEC) : -1;
  if (file < 0) return;
  void *mapped = mmap(NULL, sizeof(int64_t), PROT_READ, MAP_SHARED, file, 0);
  if (mapped != MAP_FAILED) offset = mapped;
  close(file);
}

static void shift(struct timespec *now) {
  if (!offset) return;
  int64_t micros = (int64_t)now->tv_sec * 1000000 + now->tv_nsec / 1000 + *offset;
  now->tv_nsec = (micros % 1000000) * 1000 + now->tv_nsec % 1000;
  now->tv_sec = micros / 1000000;
}

int clock_gettime(clockid_t clock, struct timespec *now) {
  int result = syscall(SYS_clock_gettime, clock, now);
  if (result == 0 && (clock == CLOCK_REALTIME || clock == CLOCK_REALTIME_COARSE)) shift(now);
  return result;
}

int gettimeofday(struct timeval *restrict now, void *restrict zone) {
  struct timespec shifted;
  int result = clock_gettime(CLOCK_REALTIME, &shifted);
  (void)zone;
  if (result == 0) {
    now->tv_sec = shifted.tv_sec;
    now->tv_usec = shifted.tv_nsec / 1000;
  }
  return result;
}

time_t time(time_t *now) {
  struct timespec shifted;
  if (clock_gettime(CLOCK_REALTIME, &shifted) != 0) return (time_t)-1;
  if (now) *now = shifted.tv_sec;
  return shifted.tv_sec;
}
