// SPDX-License-Identifier: MIT
// Reports to systemd.
#include "sys/notify.h"

#include <criterion/criterion.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

// A service manager that listens on a socket with an abstract name, which leaves no file behind.
static int manager(void) {
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    socklen_t len = sizeof address;
    int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK, 0);
    // The system chooses the name.
    cr_assert_eq(bind(fd, (struct sockaddr *)&address, sizeof address.sun_family), 0);
    cr_assert_eq(getsockname(fd, (struct sockaddr *)&address, &len), 0);
    size_t name = len - offsetof(struct sockaddr_un, sun_path);
    char text[128] = "@";
    memcpy(text + 1, address.sun_path + 1, name - 1);
    setenv("NOTIFY_SOCKET", text, 1);
    return fd;
}

Test(notify, states_reach_the_manager) {
    char text[128] = "";
    int fd = manager();
    notify_send("READY=1");
    cr_assert_eq(recv(fd, text, sizeof text, 0), 7);
    cr_assert_str_eq(text, "READY=1");
    notify_reloading();
    ssize_t got = recv(fd, text, sizeof text - 1, 0);
    cr_assert_gt(got, 0);
    text[got] = '\0';
    cr_assert_eq(strncmp(text, "RELOADING=1\nMONOTONIC_USEC=", 27), 0, "%s", text);
    close(fd);
}

Test(notify, nobody_listening_is_no_error) {
    unsetenv("NOTIFY_SOCKET");
    notify_send("READY=1");
    setenv("NOTIFY_SOCKET", "/no/such/socket", 1);
    notify_send("READY=1");
    setenv("NOTIFY_SOCKET", "relative", 1);
    notify_send("READY=1");
}
