// SPDX-License-Identifier: MIT
// Types of events (API.md section 2): plain functions on text.
#ifndef TAILRACE_BASE_TYPE_H
#define TAILRACE_BASE_TYPE_H

#include "base/err.h"
#include "base/str.h"

// Whether publishers may give a type: UTF-8 of at most LIMIT_TYPE_BYTES bytes without control
// characters, none of the hub's own (tailrace.…), and not `error` or `open`: an EventSource has
// events of these names (WHATWG HTML, 9.2.2), which it fires when its connection fails or begins,
// and pages could not tell the two apart. Empty: no type, fine. 0, or ERR_INVALID with the reason.
int type_check(struct str type, struct report *report) MUST_CHECK;

#endif
