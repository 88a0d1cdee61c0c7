// SPDX-License-Identifier: MIT
// The contents of the demo's logs: those of a small shop, with nothing that a browser cannot show.
#ifndef TAILRACE_CLI_DEMO_LOGS_H
#define TAILRACE_CLI_DEMO_LOGS_H

#include <stdio.h>

// One visitor: a line of a web server's access log.
void demo_logs_request(FILE *file, unsigned *seed);
// One event of the shop: a JSON object with a level.
void demo_logs_shop(FILE *file, unsigned *seed);
// One job: plain text with a level. A job that fails has a stack trace below it.
void demo_logs_worker(FILE *file, unsigned *seed);
// A whole build, in colours.
void demo_logs_build(FILE *file);
// A whole log from an earlier time.
void demo_logs_sample(FILE *file);

#endif
