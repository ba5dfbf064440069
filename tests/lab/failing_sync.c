/* Preloaded by tests/lab/kill9.py: the n-th fsync or fdatasync of the process fails with EIO, or kills it. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static atomic_int syncs;

static int spoilt(void) {
    const char *nth = getenv("LAB_SYNC_NTH"), *how = getenv("LAB_SYNC_HOW");
    if (!nth || !how || atomic_fetch_add(&syncs, 1) + 1 != atoi(nth))
        return 0;
    if (!strcmp(how, "kill"))
        kill(getpid(), SIGKILL);
    errno = EIO;
    return 1;
}

int fsync(int file) {
    return spoilt() ? -1 : ((int (*)(int))dlsym(RTLD_NEXT, "fsync"))(file);
}

int fdatasync(int file) {
    return spoilt() ? -1 : ((int (*)(int))dlsym(RTLD_NEXT, "fdatasync"))(file);
}
