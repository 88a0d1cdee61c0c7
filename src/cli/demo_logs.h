// SPDX-License-Identifier: MIT
// What the logs of the demo say: as the logs of a small shop would, with nothing but what their reader can see in a browser.
#ifndef TAILRACE_CLI_DEMO_LOGS_H
#define TAILRACE_CLI_DEMO_LOGS_H

#include <stdio.h>

// One visitor: a line of a web server's access log.
void demo_write_request(FILE *file, unsigned *seed);
// One event of the shop: an object of JSON with a level.
void demo_write_shop(FILE *file, unsigned *seed);
// One job: plain text with a level; one that fails has a stack trace below it.
void demo_write_worker(FILE *file, unsigned *seed);
// A whole build, in colours.
void demo_write_build(FILE *file);
// A whole log of an earlier time.
void demo_write_sample(FILE *file);

#endif
