// SPDX-License-Identifier: MIT
// Which changes a reload refuses.
#include "config/config.h"

#include <criterion/criterion.h>

#include "support.h"

TestSuite(config, .init = config_setup, .fini = config_teardown);

Test(config, a_reload_refuses_only_what_needs_a_restart) {
    struct config *running = config_of(NULL);
    struct config *next =
        config_of("keys: [{name: a, secret: 12345678, publish: [a]}]\n"
                  "stream: {heartbeat: 1s}\nretention: {bytes: 2MB}\n"
                  "log: {level: debug}\nsources: [{file: a}]\norigins: [\"*\"]\n");
    struct report report = {0};
    cr_assert_eq(config_check_reload(running, next, &report), 0, "%s", report.text);
    config_free(next);
    const char *fixed[][2] = {{"listen", "listen: 127.0.0.1:9\n"},
                              {"data", "data: /x\n"},
                              {"workers", "workers: 7\n"},
                              {"metrics.listen", "metrics: {listen: \"127.0.0.1:9\"}\n"},
                              {"stream.ring_events", "stream: {ring_events: 64}\n"},
                              {"stream.ring_bytes", "stream: {ring_bytes: 1MB}\n"},
                              {"limits.topics", "limits: {topics: 5}\n"}};
    for (size_t i = 0; i < sizeof fixed / sizeof fixed[0]; i++) {
        next = config_of(fixed[i][1]);
        cr_assert_eq(config_check_reload(running, next, &report), ERR_INVALID, "%s", fixed[i][0]);
        cr_assert(str_starts(str_from(report.text), str_from(fixed[i][0])), "%s", report.text);
        cr_assert(strstr(report.text, "restart"));
        config_free(next);
    }
    config_free(running);
}
