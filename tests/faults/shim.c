/* Preloaded into Vigil: as the file that FAULT_FILE names says, "slow MILLISECONDS" lets every fsync take that much
   longer, "readonly" refuses every write to the data folder FAULT_FOLDER. An empty or missing file is a disk in order. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

static int fault(int *milliseconds) {
    char said[64] = "";
    const char *name = getenv("FAULT_FILE");
    int file = name ? open(name, O_RDONLY | O_CLOEXEC) : -1;
    if (file < 0) return 0;
    ssize_t length = read(file, said, sizeof said - 1);
    close(file);
    if (length <= 0) return 0;
    if (sscanf(said, "slow %d", milliseconds) == 1) return 's';
    return strncmp(said, "readonly", 8) == 0 ? 'r' : 0;
}

static void wait_if_slow(void) {
    int milliseconds = 0;
    if (fault(&milliseconds) != 's') return;
    struct timespec pause = {milliseconds / 1000, (milliseconds % 1000) * 1000000L};
    nanosleep(&pause, NULL);
}

static int refused(int file) {
    char link[64], path[PATH_MAX] = "";
    int unused;
    const char *folder = getenv("FAULT_FOLDER");
    if (!folder || fault(&unused) != 'r') return 0;
    snprintf(link, sizeof link, "/proc/self/fd/%d", file);
    ssize_t length = readlink(link, path, sizeof path - 1);
    if (length < 0 || strncmp(path, folder, strlen(folder)) != 0) return 0;
    errno = EROFS;
    return 1;
}

#define REAL(name) ((__typeof__(&name))dlsym(RTLD_NEXT, #name))
int fsync(int file) { wait_if_slow(); return refused(file) ? -1 : REAL(fsync)(file); }
int fdatasync(int file) { wait_if_slow(); return refused(file) ? -1 : REAL(fdatasync)(file); }
ssize_t write(int file, const void *from, size_t size) {
    return refused(file) ? -1 : REAL(write)(file, from, size);
}
ssize_t pwrite(int file, const void *from, size_t size, off_t at) {
    return refused(file) ? -1 : REAL(pwrite)(file, from, size, at);
}
ssize_t pwrite64(int file, const void *from, size_t size, off64_t at) {
    return refused(file) ? -1 : REAL(pwrite64)(file, from, size, at);
}
