// Loaded into a server ahead of its C library: writes down how much of each segment of the agreed log was on the disk, so that a
// test can take the rest away, as a power failure may. One line for each sync, in the directory above the data: name, bytes.
#define _GNU_SOURCE
#include <dlfcn.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

typedef int (*sync_call)(int);

static void write_down(int fd, struct stat const* before) {
  char link[64], path[PATH_MAX], line[PATH_MAX + 32];
  snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
  ssize_t const length = readlink(link, path, sizeof path - 1);
  if (length <= 0) return;
  path[length] = 0;
  char* const name = strrchr(path, '/');
  if (name == NULL || strncmp(name, "/group_replication.0", 20) != 0) return;
  *name = 0;
  int const text = snprintf(line, sizeof line, "%s %lld\n", name + 1, (long long)before->st_size);
  char* const above = strrchr(path, '/');
  if (above == NULL) return;
  snprintf(above, sizeof path - (size_t)(above - path), "/synced");
  int const notes = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
  if (notes < 0) return;
  ssize_t const written = write(notes, line, (size_t)text);
  (void)written;
  close(notes);
}

// What was there before the call is what the call promises.
static int sync_and_write_down(char const* which, int fd) {
  struct stat before;
  int const known = fstat(fd, &before);
  sync_call const real = (sync_call)dlsym(RTLD_NEXT, which);
  int const done = real(fd);
  if (done == 0 && known == 0 && S_ISREG(before.st_mode)) write_down(fd, &before);
  return done;
}

int fdatasync(int fd) { return sync_and_write_down("fdatasync", fd); }
int fsync(int fd) { return sync_and_write_down("fsync", fd); }
