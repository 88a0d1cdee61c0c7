// SPDX-License-Identifier: MIT
// Loading the configuration: merging flags, environment, file and defaults, and what is judged only over all of them.
//
// Everything that a configuration points at is in blocks of memory that hang on it and go with it at once.
#include "config/config.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/limits.h"
#include "config/config_priv.h"
#include "sys/net.h"

// --- memory, messages -----------------------------------------------------------------------------------------------

struct block {
    struct block *next;
    max_align_t data[];
};

void *config_alloc(struct config *config, size_t size) {
    struct block *block = calloc(1, sizeof *block + size);
    if (!block) return NULL;
    block->next = config->memory;
    config->memory = block;
    return block->data;
}

char *config_copy(struct config *config, struct str text) {
    char *copy = config_alloc(config, text.len + 1);
    if (copy && text.len) memcpy(copy, text.ptr, text.len);
    return copy;
}

int config_warn(struct config *config, const char *fmt, ...) {
    char text[512];
    va_list args;
    va_start(args, fmt);
    vsnprintf(text, sizeof text, fmt, args);
    va_end(args);
    char **more = config_alloc(config, (config->warnings_count + 1) * sizeof *more);
    char *copy = config_copy(config, str_from(text));
    if (!more || !copy) return ERR_NOMEM;
    for (size_t i = 0; i < config->warnings_count; i++) more[i] = config->warnings[i];
    more[config->warnings_count++] = copy;
    config->warnings = more;
    return 0;
}

int config_fail(struct config_loader *loader, const char *path, const char *fmt, ...) {
    char text[480], place[256] = "";
    va_list args;
    va_start(args, fmt);
    vsnprintf(text, sizeof text, fmt, args);
    va_end(args);
    unsigned line, column;
    if (loader->yaml && config_yaml_find(loader->yaml, path, &line, &column)) {
        snprintf(place, sizeof place, "%s:%u:%u: ", loader->file, line, column);
        if (loader->report) {
            loader->report->line = line;
            loader->report->column = column;
        }
    }
    return report_set(loader->report, ERR_INVALID, "%s%s: %s", place, path, text);
}

int config_no_memory(struct config_loader *loader) {
    return report_set(loader->report, ERR_NOMEM, "no memory for the configuration");
}

void config_free(struct config *config) {
    if (!config) return;
    for (size_t i = 0; i < config->auth.keys_count; i++) {
        char *secret = (char *)config->auth.keys[i].secret;
        // A freed secret must not lie around in the heap.
        if (secret) explicit_bzero(secret, strlen(secret));
    }
    struct block *block = config->memory;
    while (block) {
        struct block *next = block->next;
        free(block);
        block = next;
    }
    free(config);
}

// --- options --------------------------------------------------------------------------------------------------------

static const char *from_flag(const struct config_flags *flags, enum option_id id) {
    switch (id) {
        case OPTION_ID_LISTEN: return flags->listen;
        case OPTION_ID_DATA: return flags->data;
        case OPTION_ID_OPEN: return flags->open ? "true" : NULL;
        case OPTION_ID_LOG_LEVEL: return flags->log_level;
        case OPTION_ID_LOG_FORMAT: return flags->log_format;
        default: return NULL;
    }
}

static const char *from_file(const struct raw_config *raw, enum option_id id) {
    enum option_section section = config_options[id].section;
    const struct raw_values *values = section == SECTION_ROOT ? &raw->root : raw->sections[section];
    return values ? values->values[id] : NULL;
}

// Where the winning value came from, as its author knows it: "listen", "TAILRACE_LISTEN", "--listen".
static const char *option_place(const struct config_loader *loader, enum option_id id,
                                char out[64]) {
    const struct option *option = &config_options[id];
    switch (loader->origins[id]) {
        case FROM_ENV: return option_env_name(option, out);
        case FROM_PORT: return "PORT";
        case FROM_FLAG:
            snprintf(out, 64, "--%s", option->path);
            for (char *c = out; *c; c++) *c = *c == '.' ? '-' : *c;
            return out;
        default: return option->path;
    }
}

static int load_option(struct config_loader *loader, enum option_id id) {
    const struct option *option = &config_options[id];
    char name[64];
    const char *text = from_flag(loader->flags, id);
    loader->origins[id] = FROM_FLAG;
    if (!text) {
        text = getenv(option_env_name(option, name));
        if (text && !*text) text = NULL;
        loader->origins[id] = FROM_ENV;
    }
    if (!text) {
        text = from_file(loader->raw, id);
        loader->origins[id] = FROM_FILE;
    }
    if (!text) {
        text = option->fallback;
        loader->origins[id] = FROM_DEFAULT;
    }
    void *into = (char *)loader->config + option->offset;
    if (option->kind == OPTION_TEXT) {
        char *copy = config_copy(loader->config, str_from(text));
        if (!copy) return config_no_memory(loader);
        *(char **)into = copy;
        return 0;
    }
    struct report why = {0};
    if (!option_parse(option, str_from(text), into, &why)) return 0;
    return config_fail(loader, option_place(loader, id, name), "%s", why.text);
}

static int load_options(struct config_loader *loader) {
    for (unsigned id = 0; id < OPTION_COUNT; id++) {
        if (config_options[id].kind == OPTION_LIST) continue;
        int err = load_option(loader, id);
        if (err) return err;
    }
    const struct config *config = loader->config;
    if (config->event_bytes_max > config->publish_queue_bytes_max) {
        char name[64];
        return config_fail(loader, option_place(loader, OPTION_ID_EVENT_BYTES, name),
                           "one event may be larger than limits.queue_bytes, it could never be "
                           "published");
    }
    return 0;
}

// --- addresses ------------------------------------------------------------------------------------------------------

// "127.0.0.1:8080", "[::1]:8080", ":8080", "localhost:8080". Names are not looked up: what the hub binds must not depend on a resolver.
static bool parse_address(struct str text, struct net_endpoint *out) {
    unsigned char bytes[16];
    if (net_parse_endpoint(text, out)) return false;
    if (strcmp(out->host, "localhost") == 0) strcpy(out->host, "127.0.0.1");
    return !out->host[0] || inet_pton(AF_INET, out->host, bytes) == 1 ||
           inet_pton(AF_INET6, out->host, bytes) == 1;
}

// Without keys everybody may do everything: then only this machine is served, unless that is asked for.
static int check_reach(struct config_loader *loader, enum option_id id,
                       const struct net_endpoint *address) {
    const struct config *config = loader->config;
    if (net_is_loopback(address) || config->open || !config->auth.open) return 0;
    char name[64], text[sizeof address->host + 16];
    net_format_endpoint(address, text, sizeof text);
    return config_fail(loader, option_place(loader, id, name),
                       "%s can be reached from other machines, but there are no keys: anybody "
                       "could read and write everything. Add keys (keys: in the file, or "
                       "TAILRACE_KEY in the environment), or allow it with --open (open: true)",
                       text);
}

static int load_address(struct config_loader *loader, enum option_id id, char **text,
                        struct net_endpoint *address) {
    char name[64];
    if (!parse_address(str_from(*text), address)) {
        return config_fail(loader, option_place(loader, id, name),
                           "%s is not ADDRESS:PORT, for example %s, [::1]:8080 or :8080 (all "
                           "addresses)",
                           config_quote(str_from(*text)).text,
                           config_options[OPTION_ID_LISTEN].fallback);
    }
    return 0;
}

static int store_address(struct config_loader *loader, char **text,
                         const struct net_endpoint *address) {
    char whole[sizeof address->host + 16];
    net_format_endpoint(address, whole, sizeof whole);
    *text = config_copy(loader->config, str_from(whole));
    return *text ? 0 : config_no_memory(loader);
}

// PORT as hosting platforms set it. They reach the hub from outside, so that it serves all addresses where that is safe or asked for and
// nothing else was said.
static int apply_port(struct config_loader *loader, struct net_endpoint *address) {
    struct config *config = loader->config;
    const char *port = getenv("PORT");
    enum option_origin origin = loader->origins[OPTION_ID_LISTEN];
    if (!port || !*port || origin == FROM_FLAG || origin == FROM_ENV) return 0;
    uint64_t number;
    if (!str_to_u64(str_from(port), 65535, &number)) {
        return config_fail(loader, "PORT", "%s is not a port, allowed is 0 to 65535",
                           config_quote(str_from(port)).text);
    }
    address->port = (uint16_t)number;
    loader->origins[OPTION_ID_LISTEN] = FROM_PORT;
    if (origin != FROM_DEFAULT) return 0;
    if (config->open || !config->auth.open) {
        address->host[0] = '\0';
        return 0;
    }
    if (config_warn(config, "PORT is set, but without keys only this machine is served: add keys "
                            "(TAILRACE_KEY), or give --open")) {
        return config_no_memory(loader);
    }
    return 0;
}

static int load_addresses(struct config_loader *loader) {
    struct config *config = loader->config;
    struct net_endpoint address, metrics;
    int err = load_address(loader, OPTION_ID_LISTEN, &config->listen, &address);
    if (!err) err = apply_port(loader, &address);
    if (!err) err = check_reach(loader, OPTION_ID_LISTEN, &address);
    if (!err) err = store_address(loader, &config->listen, &address);
    if (err || !*config->metrics_listen) return err;
    err = load_address(loader, OPTION_ID_METRICS_LISTEN, &config->metrics_listen, &metrics);
    if (!err) err = check_reach(loader, OPTION_ID_METRICS_LISTEN, &metrics);
    if (!err) err = store_address(loader, &config->metrics_listen, &metrics);
    if (err || metrics.port == 0 || strcmp(config->listen, config->metrics_listen)) return err;
    char name[64];
    return config_fail(loader, option_place(loader, OPTION_ID_METRICS_LISTEN, name),
                       "%s is the main listener's address; leave it empty for /metrics there",
                       config->metrics_listen);
}

// --- data directory -------------------------------------------------------------------------------------------------

static int load_data(struct config_loader *loader) {
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
        return config_fail(loader, "data", "there is no default without HOME; give --data DIR");
    }
    if (len < 0 || (size_t)len >= sizeof path) {
        return config_fail(loader, "data",
                           "the home directory's name is too long; give --data DIR");
    }
    config->data_is_default = true;
    config->data = config_copy(config, str_from(path));
    return config->data ? 0 : config_no_memory(loader);
}

// --- the environment's other side -----------------------------------------------------------------------------------

static bool is_secret_env(const struct raw_config *raw, struct str name) {
    for (uint32_t i = 0; i < raw->keys_count; i++) {
        const char *secret = raw->keys[i].secret_env;
        if (!secret || !str_starts(name, str_from(secret))) continue;
        const char *rest = name.ptr + strlen(secret);
        size_t left = name.len - strlen(secret);
        if (left == 0 || str_equal((struct str){rest, left}, STR("_FILE"))) return true;
    }
    return false;
}

static bool is_known_env(const struct config_loader *loader, struct str name) {
    static const char *const others[] = {"TAILRACE_CONFIG", "TAILRACE_KEY", "TAILRACE_KEY_FILE"};
    for (size_t i = 0; i < sizeof others / sizeof others[0]; i++) {
        if (str_equal(name, str_from(others[i]))) return true;
    }
    for (unsigned id = 0; id < OPTION_COUNT; id++) {
        char known[64];
        if (str_equal(name, str_from(option_env_name(&config_options[id], known)))) return true;
    }
    return is_secret_env(loader->raw, name);
}

static int warn_unknown_env(struct config_loader *loader) {
    for (char **entry = environ; entry && *entry; entry++) {
        struct str rest = str_from(*entry), name = str_cut(&rest, '=');
        if (!str_starts(name, STR("TAILRACE_")) || is_known_env(loader, name)) continue;
        if (loader->config->warnings_count >= 20) return 0;
        // The name only: the value may be a secret.
        if (config_warn(loader->config, "unknown variable in the environment: %s",
                        config_quote(name).text)) {
            return config_no_memory(loader);
        }
    }
    return 0;
}

// --- all of it ------------------------------------------------------------------------------------------------------

static int load_file(struct config_loader *loader) {
    const char *file = loader->flags->file;
    if (!file) file = getenv("TAILRACE_CONFIG");
    if (!file || !*file) return 0;
    struct str text;
    unsigned mode;
    int err =
        config_read_file(loader->config, file, LIMIT_CONFIG_BYTES, &text, &mode, loader->report);
    if (err) return err;
    loader->file = file;
    err = config_yaml_load(&loader->yaml, text, file, loader->report);
    if (!err) loader->raw = config_yaml_raw(loader->yaml);
    return err;
}

int config_load(struct config **out, const struct config_flags *flags, struct report *report) {
    static const struct raw_config nothing;
    struct config_loader loader = {.flags = flags, .raw = &nothing, .report = report};
    loader.config = calloc(1, sizeof *loader.config);
    if (!loader.config) return config_no_memory(&loader);
    int err = load_file(&loader);
    if (!err) err = load_options(&loader);
    if (!err) err = config_load_access(&loader);
    if (!err) err = load_addresses(&loader);
    if (!err) err = load_data(&loader);
    if (!err) err = config_load_content(&loader);
    if (!err) err = warn_unknown_env(&loader);
    config_yaml_free(loader.yaml);
    if (err) {
        config_free(loader.config);
    } else {
        *out = loader.config;
    }
    return err;
}

int config_check_reload(const struct config *running, const struct config *next,
                        struct report *report) {
    for (unsigned id = 0; id < OPTION_COUNT; id++) {
        const struct option *option = &config_options[id];
        if (option->reload || option_same(option, running, next)) continue;
        return report_set(report, ERR_INVALID,
                          "%s has changed: that needs a restart; nothing was reloaded",
                          option->path);
    }
    return 0;
}
