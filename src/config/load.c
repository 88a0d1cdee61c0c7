// SPDX-License-Identifier: MIT
// Loading the configuration: merging flags, environment, file and defaults, and what is judged only
// over all of them.
#include "config/load.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/limits.h"
#include "base/quote.h"
#include "config/access.h"
#include "config/content.h"
#include "config/file.h"
#include "config/schema.h"
#include "sys/net.h"

// --- options -------------------------------------------------------------------------------------

// Where a value comes from; the first that has one counts, so that the order is the precedence.
enum origin { FROM_FLAG, FROM_ENV, FROM_FILE, FROM_DEFAULT };

static const char *from_flag(const struct config_flags *flags, const char *path) {
    const char *const given[][2] = {
        {"listen", flags->listen},
        {"data", flags->data},
        {"open", flags->open ? "true" : NULL},
        {"log.level", flags->log_level},
        {"log.format", flags->log_format},
    };
    for (size_t i = 0; i < sizeof given / sizeof given[0]; i++) {
        if (!strcmp(given[i][0], path)) return given[i][1];
    }
    return NULL;
}

static const char *from_env(const struct option_row *row) {
    char name[64];
    const char *text = getenv(schema_env_name(row, name));
    return text && *text ? text : NULL;
}

static enum origin origin_of(const struct loader *loader, const struct option_row *row) {
    if (from_flag(loader->flags, row->path)) return FROM_FLAG;
    if (from_env(row)) return FROM_ENV;
    return tree_find(loader->root, row->path) ? FROM_FILE : FROM_DEFAULT;
}

// What the option is called where its value comes from: "listen", "TAILRACE_LISTEN", "--listen".
struct place {
    char text[64];
};

static struct place place_of(const struct loader *loader, const struct option_row *row) {
    struct place place;
    switch (origin_of(loader, row)) {
        case FROM_ENV: schema_env_name(row, place.text); break;
        case FROM_FLAG:
            snprintf(place.text, sizeof place.text, "--%s", row->path);
            for (char *c = place.text; *c; c++) *c = *c == '.' ? '-' : *c;
            break;
        default: snprintf(place.text, sizeof place.text, "%s", row->path);
    }
    return place;
}

// In a variable, the texts of a list are separated by commas or spaces.
static int load_env_list(struct loader *loader, const struct option_row *row, const char *name,
                         const char *env) {
    size_t most = 1, count = 0;
    for (const char *c = env; *c; c++) most += *c == ',' || *c == ' ';
    if (most > LIMIT_CONFIG_ENTRIES) {
        return loader_fail(loader, name, "more than %d entries", LIMIT_CONFIG_ENTRIES);
    }
    const char **texts = memory_alloc(loader->config, most * sizeof *texts);
    if (!texts) return loader_no_memory(loader);
    for (const char *at = env; *at;) {
        struct str text = {at, strcspn(at, ", ")};
        int err = text.len ? loader_text(loader, row, name, text, &texts[count++]) : 0;
        if (err) return err;
        at += text.len + (at[text.len] ? 1 : 0);
    }
    option_set_texts(row, loader->config, texts, count);
    return 0;
}

static int load_option(struct loader *loader, const struct option_row *row) {
    struct place place = place_of(loader, row);
    const char *text = from_flag(loader->flags, row->path);
    if (!text) text = from_env(row);
    if (!text) {
        const struct tree_value *value = tree_find(loader->root, row->path);
        return loader_value(loader, row, place.text, value, loader->config);
    }
    if (row->kind == OPTION_TEXTS) return load_env_list(loader, row, place.text, text);
    return loader_set(loader, row, place.text, str_from(text), loader->config);
}

static int load_options(struct loader *loader) {
    const struct config *config = loader->config;
    for (const struct option_row *row = schema_hub; row->path; row++) {
        int err = load_option(loader, row);
        if (err) return err;
    }
    const char *less = NULL;
    if (config->event_bytes_max > config->publish_queue_bytes_max) less = "limits.queue_bytes";
    if (config->event_bytes_max > config->held_bytes_max) less = "limits.held_bytes";
    if (!less) return 0;
    return loader_fail(loader, place_of(loader, schema_option("limits.event_bytes")).text,
                       "this is more than %s: the largest events could never be published", less);
}

// --- addresses -----------------------------------------------------------------------------------

// "127.0.0.1:8080", "[::1]:8080", ":8080", "localhost:8080". Names are not looked up: what the hub
// binds must not depend on a resolver.
static bool parse_address(struct str text, struct net_endpoint *out) {
    unsigned char bytes[16];
    if (net_parse_endpoint(text, out)) return false;
    if (strcmp(out->host, "localhost") == 0) strcpy(out->host, "127.0.0.1");
    return !out->host[0] || inet_pton(AF_INET, out->host, bytes) == 1 ||
           inet_pton(AF_INET6, out->host, bytes) == 1;
}

// Without keys everybody may do everything: then only this machine is served, unless that is asked
// for.
static int check_reach(struct loader *loader, const struct place *place,
                       const struct net_endpoint *address) {
    const struct config *config = loader->config;
    if (net_is_loopback(address) || config->open || !config->auth.open) return 0;
    char text[sizeof address->host + 16];
    net_format_endpoint(address, text, sizeof text);
    return loader_fail(
        loader, place->text,
        "%s can be reached from other machines, but there are no keys: anybody "
        "could read and write everything. Add keys (keys: in the file, or "
        "TAILRACE_ADMIN_KEY in the environment), or allow it with --open (open: true)",
        text);
}

static int read_address(struct loader *loader, const struct place *place, const char *text,
                        struct net_endpoint *address) {
    if (parse_address(str_from(text), address)) return 0;
    return loader_fail(
        loader, place->text,
        "%s is not ADDRESS:PORT, for example %s, [::1]:8080 or :8080 (all addresses)",
        quote(str_from(text)).text, schema_option("listen")->fallback);
}

static int store_address(struct loader *loader, const char **text,
                         const struct net_endpoint *address) {
    char whole[sizeof address->host + 16];
    net_format_endpoint(address, whole, sizeof whole);
    *text = memory_copy(loader->config, str_from(whole));
    return *text ? 0 : loader_no_memory(loader);
}

// PORT as hosting platforms set it. They reach the hub from outside, so that it serves all
// addresses where that is safe or asked for and nothing else says where to listen.
static int apply_port(struct loader *loader, struct place *place, struct net_endpoint *address) {
    struct config *config = loader->config;
    const char *port = getenv("PORT");
    enum origin origin = origin_of(loader, schema_option("listen"));
    if (!port || !*port || origin == FROM_FLAG || origin == FROM_ENV) return 0;
    *place = (struct place){"PORT"};
    uint64_t number;
    if (!str_to_u64(str_from(port), 65535, &number)) {
        return loader_fail(loader, place->text, "%s is not a port, allowed is 0 to 65535",
                           quote(str_from(port)).text);
    }
    address->port = (uint16_t)number;
    if (origin != FROM_DEFAULT) return 0;
    if (config->open || !config->auth.open) {
        address->host[0] = '\0';
        return 0;
    }
    if (memory_warn(config, "PORT is set, but without keys only this machine is served: add keys "
                            "(TAILRACE_ADMIN_KEY), or give --open")) {
        return loader_no_memory(loader);
    }
    return 0;
}

static int load_listen(struct loader *loader) {
    struct config *config = loader->config;
    struct place place = place_of(loader, schema_option("listen"));
    struct net_endpoint address;
    int err = read_address(loader, &place, config->listen, &address);
    if (!err) err = apply_port(loader, &place, &address);
    if (!err) err = check_reach(loader, &place, &address);
    return err ? err : store_address(loader, &config->listen, &address);
}

// Who opens a hub to other machines by a name would be answered 403.
static int check_hosts(struct loader *loader) {
    const struct config *config = loader->config;
    const struct auth_config *auth = &config->auth;
    bool permits = auth->open || auth->anonymous.publish_count || auth->anonymous.subscribe_count;
    struct net_endpoint address;
    if (!permits || config->hosts_count || net_parse_endpoint(str_from(config->listen), &address) ||
        net_is_loopback(&address))
        return 0;
    if (memory_warn(loader->config,
                    "hosts is empty: what is permitted without a key is answered under an address "
                    "or localhost only; add the names by which the hub is reached")) {
        return loader_no_memory(loader);
    }
    return 0;
}

static int load_metrics_listen(struct loader *loader) {
    struct config *config = loader->config;
    struct place place = place_of(loader, schema_option("metrics.listen"));
    struct net_endpoint address;
    if (!*config->metrics_listen) return 0;
    int err = read_address(loader, &place, config->metrics_listen, &address);
    if (!err) err = check_reach(loader, &place, &address);
    if (!err) err = store_address(loader, &config->metrics_listen, &address);
    if (err || address.port == 0 || strcmp(config->listen, config->metrics_listen)) return err;
    return loader_fail(loader, place.text,
                       "%s is the main listener's address; leave it empty for /metrics there",
                       config->metrics_listen);
}

// --- data directory ------------------------------------------------------------------------------

static int load_data(struct loader *loader) {
    struct config *config = loader->config;
    if (*config->data) return 0;
    const char *state = getenv("XDG_STATE_HOME"), *home = getenv("HOME");
    char path[4096];
    int len;
    if (geteuid() == 0) {
        len = snprintf(path, sizeof path, "/var/lib/tailrace");
    } else if (state && state[0] == '/') {
        len = snprintf(path, sizeof path, "%s/tailrace", state);
    } else if (home && home[0] == '/') {
        len = snprintf(path, sizeof path, "%s/.local/state/tailrace", home);
    } else {
        return loader_fail(loader, "data", "there is no default without HOME; give --data DIR");
    }
    if (len < 0 || (size_t)len >= sizeof path) {
        return loader_fail(loader, "data",
                           "the home directory's name is too long; give --data DIR");
    }
    config->data_is_default = true;
    config->data = memory_copy(config, str_from(path));
    return config->data ? 0 : loader_no_memory(loader);
}

// --- the environment's other side ----------------------------------------------------------------

static bool is_known_env(const struct loader *loader, struct str name) {
    static const char *const others[] = {"TAILRACE_CONFIG", "TAILRACE_KEY", "TAILRACE_KEY_FILE",
                                         "TAILRACE_ADMIN_KEY", "TAILRACE_ADMIN_KEY_FILE"};
    for (size_t i = 0; i < sizeof others / sizeof others[0]; i++) {
        if (str_equal(name, str_from(others[i]))) return true;
    }
    for (const struct option_row *row = schema_hub; row->path; row++) {
        char known[64];
        if (str_equal(name, str_from(schema_env_name(row, known)))) return true;
    }
    return access_names_env(loader, name);
}

static int warn_unknown_env(struct loader *loader) {
    for (char **entry = environ; entry && *entry; entry++) {
        struct str rest = str_from(*entry), name = str_cut(&rest, '=');
        if (!str_starts(name, STR("TAILRACE_")) || is_known_env(loader, name)) continue;
        if (loader->config->warnings_count >= 20) return 0;
        // The name only: the value may be a secret.
        if (memory_warn(loader->config, "unknown variable in the environment: %s",
                        quote(name).text)) {
            return loader_no_memory(loader);
        }
    }
    return 0;
}

// --- all of it -----------------------------------------------------------------------------------

static int load_file(struct loader *loader) {
    const char *file = loader->flags->file;
    if (!file) file = getenv("TAILRACE_CONFIG");
    if (!file || !*file) return 0;
    struct buf content;
    buf_init(&content, LIMIT_CONFIG_BYTES);
    int err = file_read(file, &content, &loader->file_mode, loader->report);
    if (!err) err = tree_read(&loader->tree, buf_str(&content), file, loader->report);
    if (!err) err = schema_check(loader->tree, loader->report);
    file_erase(&content);
    if (err) return err;
    loader->file = file;
    loader->root = tree_root(loader->tree);
    return 0;
}

int load_config(struct config **out, const struct config_flags *flags, struct report *report) {
    struct loader loader = {.flags = flags, .report = report};
    loader.config = calloc(1, sizeof *loader.config);
    if (!loader.config) return loader_no_memory(&loader);
    int err = load_file(&loader);
    if (!err) err = load_options(&loader);
    if (!err) err = access_load(&loader);
    if (!err) err = load_listen(&loader);
    if (!err) err = check_hosts(&loader);
    if (!err) err = load_metrics_listen(&loader);
    if (!err) err = load_data(&loader);
    if (!err) err = content_load(&loader);
    if (!err) err = warn_unknown_env(&loader);
    tree_free(loader.tree);
    if (err) {
        config_free(loader.config);
    } else {
        *out = loader.config;
    }
    return err;
}
