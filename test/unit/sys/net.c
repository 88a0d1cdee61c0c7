// SPDX-License-Identifier: MIT
// Sockets: endpoints, listeners, addresses.
#include "sys/net.h"

#include <criterion/criterion.h>
#include <sys/socket.h>
#include <unistd.h>

Test(net, endpoints_are_read_in_every_form) {
    static const struct {
        const char *text, *host;
        uint16_t port;
    } good[] = {
        {"127.0.0.1:8080", "127.0.0.1", 8080},
        {"[::1]:0", "::1", 0},
        {":80", "", 80},
        {"*:65535", "", 65535},
        {"localhost:1", "localhost", 1},
    };
    for (size_t i = 0; i < sizeof good / sizeof good[0]; i++) {
        struct net_endpoint endpoint;
        cr_assert_eq(net_parse_endpoint(str_from(good[i].text), &endpoint), 0, "%s", good[i].text);
        cr_assert_str_eq(endpoint.host, good[i].host);
        cr_assert_eq(endpoint.port, good[i].port);
    }
    static const char *const bad[] = {
        "",      "8080",    "127.0.0.1", "127.0.0.1:", "127.0.0.1:65536", "::1:80",
        "[::1]", "[::1]80", "a:b",       "[]:80",      "[*]:80",          "[127.0.0.1]:80"};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        struct net_endpoint endpoint;
        cr_assert_eq(net_parse_endpoint(str_from(bad[i]), &endpoint), ERR_INVALID, "%s", bad[i]);
    }
}

Test(net, loopback_is_told_from_the_world) {
    static const struct {
        const char *text;
        bool loopback;
    } cases[] = {
        {"127.0.0.1:1", true},
        {"127.8.9.1:1", true},
        {"[::1]:1", true},
        {"localhost:1", true},
        {":1", false},
        {"0.0.0.0:1", false},
        {"[::]:1", false},
        {"192.0.2.1:1", false},
        {"[::ffff:127.0.0.1]:1", true},
        {"[::ffff:192.0.2.1]:1", false},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct net_endpoint endpoint;
        cr_assert_eq(net_parse_endpoint(str_from(cases[i].text), &endpoint), 0);
        cr_assert_eq(net_is_loopback(&endpoint), cases[i].loopback, "%s", cases[i].text);
    }
}

Test(net, url_is_one_that_can_be_opened) {
    char url[320];
    net_format_url(&(struct net_endpoint){"", 8080}, url, sizeof url);
    cr_assert_str_eq(url, "http://[::]:8080/", "all addresses are said to be all");
    net_format_url(&(struct net_endpoint){"0.0.0.0", 8080}, url, sizeof url);
    cr_assert_str_eq(url, "http://0.0.0.0:8080/");
    net_format_url(&(struct net_endpoint){"::1", 80}, url, sizeof url);
    cr_assert_str_eq(url, "http://[::1]:80/");
}

Test(net, endpoints_are_written_as_they_are_read) {
    static const char *const texts[] = {"127.0.0.1:8080", "[::1]:0", ":80"};
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        struct net_endpoint endpoint;
        char text[320];
        cr_assert_eq(net_parse_endpoint(str_from(texts[i]), &endpoint), 0);
        net_format_endpoint(&endpoint, text, sizeof text);
        cr_assert_str_eq(text, texts[i]);
    }
}

Test(net, listeners_share_one_port_and_a_second_hub_is_refused) {
    struct net_endpoint endpoint = {"127.0.0.1", 0};
    struct report report = {0};
    int fds[2], other[1];
    cr_assert_eq(net_listen(&endpoint, fds, 2, &report), 0, "%s", report.text);
    cr_assert_neq(endpoint.port, 0);
    struct net_endpoint again = endpoint;
    cr_assert_eq(net_listen(&again, other, 1, &report), ERR_EXISTS);
    cr_assert(strstr(report.text, "in use"), "%s", report.text);
    close(fds[0]);
    close(fds[1]);
    cr_assert_eq(net_listen(&again, other, 1, &report), 0, "%s", report.text);
    close(other[0]);
}

Test(net, an_address_that_is_not_ours_is_an_error) {
    struct net_endpoint endpoint = {"192.0.2.1", 0};
    struct report report = {0};
    int fds[1];
    cr_assert_eq(net_listen(&endpoint, fds, 1, &report), ERR_NOT_FOUND);
    cr_assert(strstr(report.text, "192.0.2.1"), "%s", report.text);
}

Test(net, sending_and_receiving_never_block_and_tell_the_end) {
    int pair[2];
    char bytes[65536] = {0};
    cr_assert_eq(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
    cr_assert_eq(net_receive(pair[0], bytes, sizeof bytes), -2);
    cr_assert_eq(net_send(pair[1], "ab", 2), 2);
    cr_assert_eq(net_receive(pair[0], bytes, sizeof bytes), 2);
    while (net_send(pair[1], bytes, sizeof bytes) > 0) continue;
    cr_assert_eq(net_send(pair[1], bytes, sizeof bytes), 0, "full is not broken");
    close(pair[1]);
    while (net_receive(pair[0], bytes, sizeof bytes) > 0) continue;
    cr_assert_eq(net_receive(pair[0], bytes, sizeof bytes), 0);
    cr_assert_eq(net_send(pair[0], "x", 1), -1, "the other side is gone");
    close(pair[0]);
}

Test(net, addresses_are_shown_as_people_write_them) {
    char text[64];
    struct net_address four = {{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xFF, 0xFF, 192, 0, 2, 7}};
    struct net_address six = {{0x20, 0x01, 0x0D, 0xB8}};
    cr_assert_str_eq(net_format_address(&four, text), "192.0.2.7");
    cr_assert_str_eq(net_format_address(&six, text), "2001:db8::/64");
}
