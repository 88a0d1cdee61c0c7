// SPDX-License-Identifier: MIT
// Telling systemd how the service is (sd_notify(3), whose protocol is one datagram).
#ifndef TAILRACE_SYS_NOTIFY_H
#define TAILRACE_SYS_NOTIFY_H

// "READY=1", "STOPPING=1", "RELOADING=1\nMONOTONIC_USEC=…". Does nothing when NOTIFY_SOCKET is not set; a manager that does
// not listen is not our error.
void notify_send(const char *state);
// "RELOADING=1" with the time that systemd asks for.
void notify_reloading(void);

#endif
