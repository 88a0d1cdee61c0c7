// SPDX-License-Identifier: MIT
// Reporting the state of the service to systemd (sd_notify(3), whose protocol is one datagram).
#ifndef TAILRACE_SYS_NOTIFY_H
#define TAILRACE_SYS_NOTIFY_H

// Sends "READY=1", "STOPPING=1" or "RELOADING=1\nMONOTONIC_USEC=…". Does nothing without
// NOTIFY_SOCKET. A service manager that does not listen is not an error.
void notify_send(const char *state);
// Sends "RELOADING=1" with the time stamp that systemd requires.
void notify_reloading(void);

#endif
