// SPDX-License-Identifier: MIT
// Makes a thread stop where it waits for events: preloaded (LD_PRELOAD) into the program under
// test.
//
//   TAILRACE_STALL=CONTROL:THREAD
//
// While the file CONTROL exists, the thread of that name does not come back from epoll_wait.
#include <dlfcn.h>
#include <pthread.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <time.h>
#include <unistd.h>

static void stall(void) {
    const char *setting = getenv("TAILRACE_STALL"), *colon = setting ? strrchr(setting, ':') : NULL;
    char control[4096], name[16];
    if (!colon || colon - setting >= (ptrdiff_t)sizeof control) return;
    if (pthread_getname_np(pthread_self(), name, sizeof name) || strcmp(name, colon + 1)) return;
    memcpy(control, setting, (size_t)(colon - setting));
    control[colon - setting] = '\0';
    const struct timespec pause = {.tv_nsec = 5000000};
    while (access(control, F_OK) == 0) nanosleep(&pause, NULL);
}

__attribute__((visibility("default"))) int epoll_wait(int fd, struct epoll_event *events, int max,
                                                      int timeout) {
    static int (*real)(int, struct epoll_event *, int, int);
    if (!real) real = (int (*)(int, struct epoll_event *, int, int))dlsym(RTLD_NEXT, "epoll_wait");
    int count = real(fd, events, max, timeout);
    stall();
    return count;
}
