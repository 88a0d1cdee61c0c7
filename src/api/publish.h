// SPDX-License-Identifier: MIT
// Publishing over HTTP: POST /t/{topic} with one event or with lines as they come, DELETE
// /t/{topic}.
#ifndef TAILRACE_API_PUBLISH_H
#define TAILRACE_API_PUBLISH_H

#include "http/exchange.h"

extern const struct handler publish_handler, forget_handler;

#endif
