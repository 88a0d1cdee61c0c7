// SPDX-License-Identifier: MIT
// Under which names the hub answers without a key.
#include "auth/hosts.h"

#include <criterion/criterion.h>

#define COUNT(list) (sizeof(list) / sizeof(list)[0])

Test(hosts, addresses_and_localhost_are_always_answered) {
    const char *const good[] = {
        "127.0.0.1", "127.0.0.1:8080", "10.0.0.7",   "[::1]:8080",      "[fe80::1]",
        "localhost", "LOCALHOST:80",   "localhost.", "localhost.:8080", "hub.localhost",
        ""};
    const char *const bad[] = {"evil.example",
                               "localhost.evil.example",
                               "xlocalhost",
                               "1.2.3",
                               "127.0.0.1.evil.example",
                               ".localhost",
                               "[evil]",
                               "[::1",
                               "."};
    for (size_t i = 0; i < COUNT(good); i++)
        cr_assert(hosts_admit(NULL, 0, str_from(good[i])), "%s", good[i]);
    for (size_t i = 0; i < COUNT(bad); i++)
        cr_assert(!hosts_admit(NULL, 0, str_from(bad[i])), "%s", bad[i]);
}

Test(hosts, listed_names_are_answered_under_any_port) {
    const char *const hosts[] = {"logs.example.com", "*.dev.test"};
    const char *const good[] = {"logs.example.com", "Logs.Example.COM:8443", "logs.example.com.",
                                "a.dev.test", "a.b.dev.test:1"};
    const char *const bad[] = {"example.com", "xlogs.example.com", "logs.example.com.evil",
                               "dev.test",    "adev.test",         "evil.example"};
    for (size_t i = 0; i < COUNT(good); i++)
        cr_assert(hosts_admit(hosts, COUNT(hosts), str_from(good[i])), "%s", good[i]);
    for (size_t i = 0; i < COUNT(bad); i++)
        cr_assert(!hosts_admit(hosts, COUNT(hosts), str_from(bad[i])), "%s", bad[i]);
    const char *const any[] = {"*"};
    cr_assert(hosts_admit(any, 1, STR("evil.example")));
}

Test(hosts, an_origin_is_the_hub_only_by_a_whole_name) {
    const char *const hosts[] = {"logs.example.com", "*.dev.test", "*"};
    cr_assert(hosts_own(hosts, COUNT(hosts), STR("https://logs.example.com")));
    cr_assert(hosts_own(hosts, COUNT(hosts), STR("http://logs.example.com:8080")));
    cr_assert(!hosts_own(hosts, COUNT(hosts), STR("https://a.dev.test")));
    cr_assert(!hosts_own(hosts, COUNT(hosts), STR("https://evil.example")));
    cr_assert(!hosts_own(hosts, COUNT(hosts), STR("null")));
}

Test(hosts, names_have_no_scheme_no_port_and_are_no_addresses) {
    const char *const good[] = {"a", "logs.example.com", "LOGS_1.example", "*", "*.example.com"};
    const char *const bad[] = {"",    "https://a", "a:80", "a/b", "10.0.0.1", "*.",
                               "a.*", "a..b",      ".a",   "a b", "[::1]",    "*a.b"};
    for (size_t i = 0; i < COUNT(good); i++)
        cr_assert_eq(hosts_check(str_from(good[i]), NULL), 0, "%s", good[i]);
    for (size_t i = 0; i < COUNT(bad); i++) {
        struct report report = {0};
        cr_assert_eq(hosts_check(str_from(bad[i]), &report), ERR_INVALID, "%s", bad[i]);
        cr_assert(strstr(report.text, "without scheme and port"));
    }
}
