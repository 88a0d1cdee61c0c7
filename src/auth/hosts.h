// SPDX-License-Identifier: MIT
// Under which names the hub answers to those who present no key.
//
// A page anywhere can make a name of its own point at the hub's address (DNS rebinding): the
// visitor's browser then takes hub and page for one origin. Only the Host field tells the two
// apart, so what is permitted without a key is given under known names only. Addresses and
// localhost cannot be made to point elsewhere. Plain functions on text; any thread.
#ifndef TAILRACE_AUTH_HOSTS_H
#define TAILRACE_AUTH_HOSTS_H

#include <stdbool.h>

#include "base/err.h"
#include "base/str.h"

// Whether a text can be in the list `hosts`: a name ("logs.example.com"), one with its first label
// left open ("*.example.com", any number of labels), or "*". ERR_INVALID with a report for anything
// else: a port, a scheme, an address (which needs no mention).
int hosts_check(struct str text, struct report *report) MUST_CHECK;

// Whether a request for `authority` (host and port, RFC 9110, 7.2; empty: HTTP/1.0, which no
// browser speaks) may be answered without a key: it names an address, localhost, or one of the
// list. Case, port and a final dot do not matter.
bool hosts_admit(const char *const *hosts, size_t count, struct str authority);

// Whether an Origin ("https://logs.example.com:8443") is the hub itself by the list: its host is
// there as a whole name. Names with an open label stand for other applications too.
bool hosts_own(const char *const *hosts, size_t count, struct str origin);

#endif
