/*
 * stopwatch INPUT TIMES AT_ONCE PROGRAM [ARG]...
 *
 * Starts a program, or some of it at once, with the file INPUT as stdin and the environment as it
 * is, reads what it prints to the end and waits for it; TIMES times, one after the other. Each
 * time is a line: microseconds, microseconds of CPU, KiB of the largest one at its peak, how many
 * exited with 0, bytes printed.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

extern char **environ;

static long long now(void) {
  struct timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  return time.tv_sec * 1000000LL + time.tv_nsec / 1000;
}

static long long micros(struct timeval time) { return time.tv_sec * 1000000LL + time.tv_usec; }

static void start(const char *input, int output, char **command) {
  posix_spawn_file_actions_t files;
  pid_t pid;
  posix_spawn_file_actions_init(&files);
  posix_spawn_file_actions_addopen(&files, 0, input, O_RDONLY, 0);
  posix_spawn_file_actions_adddup2(&files, output, 1);
  if (posix_spawnp(&pid, command[0], &files, NULL, command, environ) != 0) {
    fprintf(stderr, "stopwatch: %s does not start\n", command[0]);
    exit(1);
  }
  posix_spawn_file_actions_destroy(&files);
}

static void run(const char *input, int at_once, char **command) {
  static char text[1 << 16];
  int outputs[at_once], pipes[2], status, succeeded = 0;
  long long began = now(), cpu = 0, bytes = 0;
  long peak = 0;
  ssize_t length;
  struct rusage use;

  for (int one = 0; one < at_once; one++) {
    if (pipe2(pipes, O_CLOEXEC) != 0) exit(1);
    start(input, pipes[1], command);
    close(pipes[1]);
    outputs[one] = pipes[0];
  }
  for (int one = 0; one < at_once; one++) {
    while ((length = read(outputs[one], text, sizeof text)) > 0) bytes += length;
    close(outputs[one]);
  }
  for (int one = 0; one < at_once; one++) {
    if (wait4(-1, &status, 0, &use) < 0) exit(1);
    if (status == 0) succeeded++;
    else if (WIFSIGNALED(status)) fprintf(stderr, "killed by signal %d\n", WTERMSIG(status));
    else fprintf(stderr, "exited with %d\n", WEXITSTATUS(status));
    cpu += micros(use.ru_utime) + micros(use.ru_stime);
    if (use.ru_maxrss > peak) peak = use.ru_maxrss;
  }
  printf("%lld %lld %ld %d %lld\n", now() - began, cpu, peak, succeeded, bytes);
}

int main(int argc, char **argv) {
  if (argc < 5) return 2;
  /* Whoever started this one is done with that by then, and this core is awake. */
  for (long long end = now() + 3000; now() < end;) continue;
  for (int times = atoi(argv[2]); times > 0; times--) run(argv[1], atoi(argv[3]), argv + 4);
  return 0;
}
