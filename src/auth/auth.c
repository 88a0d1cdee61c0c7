// SPDX-License-Identifier: MIT
// Access keys, anonymous access, grants.
//
// An access table is one struct with copies of everything; nothing in it changes after auth_new, so
// that any thread may read it.
#include "auth/auth.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sys/hash.h"

// A shorter secret can be guessed over the network.
#define SECRET_BYTES_MIN 8

struct key {
    struct grant *grant;
    struct str secret;
};

struct auth {
    bool open;
    struct grant *without; // what holds without a credential
    size_t keys_count;
    struct key keys[];
};

static const char *const everything[] = {"**"};
static const struct auth_key_config open_access = {
    .publish = everything,
    .publish_count = 1,
    .subscribe = everything,
    .subscribe_count = 1,
};

static int check_patterns(const char *who, const char *what, const char *const *patterns,
                          size_t count, struct report *report) {
    for (size_t i = 0; i < count; i++) {
        struct report why = {0};
        struct pattern pattern;
        if (!pattern_read(&pattern, str_from(patterns[i]), &why)) continue;
        return report_set(report, ERR_INVALID, "%s: %s pattern %zu: %s", who, what, i + 1,
                          why.text);
    }
    return 0;
}

// Headers lose white space around a value, and have no control characters (RFC 9110, 5.5).
static bool is_sendable(const char *secret) {
    for (const char *c = secret; *c; c++) {
        if ((unsigned char)*c < 0x20 || *c == 0x7F) return false;
    }
    return secret[0] != ' ' && secret[strlen(secret) - 1] != ' ';
}

static int check_key(const struct auth_config *config, size_t index, struct report *report) {
    const struct auth_key_config *key = &config->keys[index];
    char who[160];
    if (!key->name || !key->name[0]) {
        return report_set(report, ERR_INVALID, "key %zu has no name", index + 1);
    }
    snprintf(who, sizeof who, "key \"%.120s\"", key->name);
    if (!key->secret || !key->secret[0]) {
        return report_set(report, ERR_INVALID, "%s has an empty secret", who);
    }
    if (strlen(key->secret) < SECRET_BYTES_MIN) {
        return report_set(report, ERR_INVALID, "%s: the secret is shorter than %d bytes", who,
                          SECRET_BYTES_MIN);
    }
    if (!is_sendable(key->secret)) {
        return report_set(report, ERR_INVALID,
                          "%s: the secret has a space at its beginning or end, or a line end or "
                          "another control character, so that no client could send it in a header",
                          who);
    }
    for (size_t i = 0; i < index; i++) {
        if (!strcmp(config->keys[i].name, key->name)) {
            return report_set(report, ERR_INVALID, "two keys have the name \"%.120s\"", key->name);
        }
        if (!strcmp(config->keys[i].secret, key->secret)) {
            return report_set(report, ERR_INVALID, "%s has the same secret as key \"%.120s\"", who,
                              config->keys[i].name);
        }
    }
    if (check_patterns(who, "publish", key->publish, key->publish_count, report) ||
        check_patterns(who, "subscribe", key->subscribe, key->subscribe_count, report)) {
        return ERR_INVALID;
    }
    return 0;
}

// Copies of patterns that have been checked. NULL when out of memory.
static const struct pattern *copy_list(const char *const *list, size_t count) {
    struct pattern *copy = calloc(count ? count : 1, sizeof *copy);
    for (size_t i = 0; copy && i < count; i++) {
        char *text = str_dup(str_from(list[i]));
        if (text && !pattern_read(&copy[i], str_from(text), NULL)) continue;
        free(text);
        while (i) free((void *)copy[--i].text.ptr);
        free(copy);
        return NULL;
    }
    return copy;
}

static void free_list(const struct pattern *list, size_t count) {
    for (size_t i = 0; list && i < count; i++) free((void *)list[i].text.ptr);
    free((void *)list);
}

static struct grant *grant_new(const char *name, bool is_key,
                               const struct auth_key_config *config) {
    struct grant *grant = calloc(1, sizeof *grant);
    if (!grant) return NULL;
    atomic_init(&grant->refs, 1);
    grant->is_key = is_key;
    grant->backup = is_key && config->backup;
    grant->name = str_dup(str_from(name));
    grant->publish = copy_list(config->publish, config->publish_count);
    grant->publish_count = grant->publish ? config->publish_count : 0;
    grant->subscribe = copy_list(config->subscribe, config->subscribe_count);
    grant->subscribe_count = grant->subscribe ? config->subscribe_count : 0;
    if (grant->name && grant->publish && grant->subscribe) return grant;
    grant_put(grant);
    return NULL;
}

struct grant *grant_get(struct grant *grant) {
    atomic_fetch_add_explicit(&grant->refs, 1, memory_order_relaxed);
    return grant;
}

uint32_t grant_owner(const struct grant *grant) {
    return grant->is_key ? (uint32_t)hash_content(grant->name, strlen(grant->name)) | 1 : 0;
}

void grant_put(struct grant *grant) {
    if (!grant || atomic_fetch_sub_explicit(&grant->refs, 1, memory_order_acq_rel) != 1) return;
    free((void *)grant->name);
    free_list(grant->publish, grant->publish_count);
    free_list(grant->subscribe, grant->subscribe_count);
    free(grant);
}

int auth_check_config(const struct auth_config *config, size_t *wrong, struct report *report) {
    for (*wrong = 0; *wrong < config->keys_count; ++*wrong) {
        if (check_key(config, *wrong, report)) return ERR_INVALID;
    }
    const struct auth_key_config *anonymous = &config->anonymous;
    if (check_patterns("anonymous", "publish", anonymous->publish, anonymous->publish_count,
                       report) ||
        check_patterns("anonymous", "subscribe", anonymous->subscribe, anonymous->subscribe_count,
                       report)) {
        return ERR_INVALID;
    }
    return 0;
}

int auth_new(struct auth **out, const struct auth_config *config, struct report *report) {
    size_t wrong;
    if (auth_check_config(config, &wrong, report)) return ERR_INVALID;
    struct auth *auth = calloc(1, sizeof *auth + config->keys_count * sizeof auth->keys[0]);
    if (!auth) return report_set(report, ERR_NOMEM, "no memory for the access table");
    auth->open = config->open;
    auth->without = config->open ? grant_new("open", false, &open_access)
                                 : grant_new("anonymous", false, &config->anonymous);
    bool good = auth->without;
    for (size_t i = 0; i < config->keys_count && good; i++) {
        struct key *key = &auth->keys[auth->keys_count++];
        key->grant = grant_new(config->keys[i].name, true, &config->keys[i]);
        key->secret = str_from(str_dup(str_from(config->keys[i].secret)));
        good = key->grant && key->secret.ptr;
    }
    if (!good) {
        auth_free(auth);
        return report_set(report, ERR_NOMEM, "no memory for the access table");
    }
    *out = auth;
    return 0;
}

void auth_free(struct auth *auth) {
    if (!auth) return;
    for (size_t i = 0; i < auth->keys_count; i++) {
        struct key *key = &auth->keys[i];
        grant_put(key->grant);
        // A freed secret must not lie around in the heap.
        if (key->secret.ptr) explicit_bzero((char *)key->secret.ptr, key->secret.len);
        free((char *)key->secret.ptr);
    }
    grant_put(auth->without);
    free(auth);
}

// Takes the same time for every secret: its length and content decide nothing but the result.
static bool secret_equal(struct str secret, struct str presented) {
    volatile size_t different = secret.len ^ presented.len;
    for (size_t i = 0; i < presented.len; i++) {
        different |= (unsigned char)(secret.ptr[i % secret.len] ^ presented.ptr[i]);
    }
    return different == 0;
}

int auth_check(const struct auth *auth, struct str secret, struct grant **out) {
    if (!secret.ptr || (auth->open && auth->keys_count == 0)) {
        *out = grant_get(auth->without);
        return 0;
    }
    struct grant *found = NULL;
    // All of them, so that the time does not tell which one it was.
    for (size_t i = 0; i < auth->keys_count; i++) {
        if (secret_equal(auth->keys[i].secret, secret)) found = auth->keys[i].grant;
    }
    if (!found) return ERR_DENIED;
    *out = grant_get(found);
    return 0;
}

bool grant_may_publish(const struct grant *grant, struct str topic) {
    return pattern_match_any(grant->publish, grant->publish_count, topic);
}

bool grant_may_subscribe(const struct grant *grant, const struct pattern *pattern) {
    for (size_t i = 0; i < grant->subscribe_count; i++) {
        if (pattern_covers(&grant->subscribe[i], pattern)) return true;
    }
    return false;
}

bool grant_subscribes_some(const struct grant *grant) { return grant->subscribe_count > 0; }
