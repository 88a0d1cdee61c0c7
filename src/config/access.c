// SPDX-License-Identifier: MIT
// Keys and anonymous access of the configuration. A secret goes into the access table and nowhere
// else: no message shows one.
#include "config/access.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/limits.h"
#include "base/quote.h"
#include "config/file.h"

static const char *const everything[] = {"**"};

// --- options -------------------------------------------------------------------------------------

// A key as the file describes it, its secret not yet fetched.
struct key_entry {
    struct auth_key_config key;
    const char *secret_file, *secret_env;
};

// clang-format off
const struct option_row access_keys[] = {
    {.path = "keys[].name", .kind = OPTION_TEXT, OPTION_MEMBER(struct key_entry, key.name),
     .required = "ci",
     .help = "What the key is called in the log."},
    {.path = "keys[].secret", .kind = OPTION_TEXT, OPTION_MEMBER(struct key_entry, key.secret),
     .help = "The secret itself, at least 8 bytes."},
    {.path = "keys[].secret_file", .kind = OPTION_TEXT,
     OPTION_MEMBER(struct key_entry, secret_file),
     .help = "File that holds the secret, in place of secret."},
    {.path = "keys[].secret_env", .kind = OPTION_TEXT, OPTION_MEMBER(struct key_entry, secret_env),
     .help = "Variable of the environment that holds the secret, in place of secret."},
    {.path = "keys[].publish", .kind = OPTION_TEXTS, OPTION_MEMBERS(struct key_entry, key.publish),
     .fallback = "[]", .check = loader_check_pattern,
     .help = "Patterns of topics that the key may publish to."},
    {.path = "keys[].subscribe", .kind = OPTION_TEXTS,
     OPTION_MEMBERS(struct key_entry, key.subscribe), .fallback = "[]",
     .check = loader_check_pattern,
     .help = "Patterns of topics that the key may read."},
    {.path = "keys[].backup", .kind = OPTION_BOOL, OPTION_MEMBER(struct key_entry, key.backup),
     .fallback = "false",
     .help = "The key may copy the whole journal: GET /backup."},
    {.path = NULL},
};

const struct option_row access_anonymous[] = {
    {.path = "anonymous.publish", .kind = OPTION_TEXTS,
     OPTION_MEMBERS(struct auth_key_config, publish), .fallback = "[]",
     .check = loader_check_pattern,
     .help = "Patterns of topics that everybody may publish to."},
    {.path = "anonymous.subscribe", .kind = OPTION_TEXTS,
     OPTION_MEMBERS(struct auth_key_config, subscribe), .fallback = "[]",
     .check = loader_check_pattern,
     .help = "Patterns of topics that everybody may read."},
    {.path = NULL},
};
// clang-format on

// --- secrets -------------------------------------------------------------------------------------

// The secret in a file: all of it without the newline at its end.
static int secret_from_file(struct loader *loader, const char *where, const char *path,
                            const char **out) {
    struct report why = {0};
    struct buf content;
    unsigned mode;
    buf_init(&content, LIMIT_SECRET_BYTES);
    int err = file_read(path, &content, &mode, &why);
    struct str text = buf_str(&content);
    if (text.len && text.ptr[text.len - 1] == '\n') text.len--;
    if (text.len && text.ptr[text.len - 1] == '\r') text.len--;
    if (err) {
        err = loader_fail(loader, where, "%s", why.text);
    } else if (text.len && memchr(text.ptr, 0, text.len)) {
        err = loader_fail(loader, where, "%s has a NUL byte, which nobody can send", path);
    } else if (mode & 0004 && memory_warn(loader->config,
                                          "%s: every user of this machine can read the secret in "
                                          "%s; chmod o-r",
                                          where, path)) {
        err = loader_no_memory(loader);
    } else {
        *out = memory_copy(loader->config, text);
        if (!*out) err = loader_no_memory(loader);
    }
    file_erase(&content);
    return err;
}

// The variable, or the file that the variable with _FILE at its end names.
static int secret_from_env(struct loader *loader, const char *where, const char *name,
                           const char **out) {
    const char *value = getenv(name);
    if (value && *value) {
        *out = memory_copy(loader->config, str_from(value));
        return *out ? 0 : loader_no_memory(loader);
    }
    char file[280];
    snprintf(file, sizeof file, "%.256s_FILE", name);
    const char *path = getenv(file);
    if (path && *path) return secret_from_file(loader, where, path, out);
    return loader_fail(loader, where, "neither %s nor %s is set in the environment", name, file);
}

bool access_names_env(const struct loader *loader, struct str name) {
    const struct tree_value *key = tree_first(loader->root, "keys");
    for (; key; key = key->next) {
        const struct tree_value *env = tree_find(key, "secret_env");
        if (!env || !str_starts(name, str_from(env->text))) continue;
        size_t len = strlen(env->text);
        struct str rest = {name.ptr + len, name.len - len};
        if (rest.len == 0 || str_equal(rest, STR("_FILE"))) return true;
    }
    return false;
}

// --- keys ----------------------------------------------------------------------------------------

static int fetch_secret(struct loader *loader, const char *where, struct key_entry *entry) {
    char path[LOADER_PATH_BYTES];
    if (!!entry->key.secret + !!entry->secret_file + !!entry->secret_env != 1) {
        return loader_fail(loader, where,
                           "key %s needs exactly one of secret, secret_file and secret_env",
                           quote(str_from(entry->key.name)).text);
    }
    if (entry->secret_file) {
        snprintf(path, sizeof path, "%s.secret_file", where);
        return secret_from_file(loader, path, entry->secret_file, &entry->key.secret);
    }
    if (entry->secret_env) {
        snprintf(path, sizeof path, "%s.secret_env", where);
        return secret_from_env(loader, path, entry->secret_env, &entry->key.secret);
    }
    return 0;
}

static int load_key(struct loader *loader, size_t index, const struct tree_value *from,
                    struct auth_key_config *key) {
    struct key_entry entry = {0};
    char where[32];
    snprintf(where, sizeof where, "keys[%zu]", index);
    int err = loader_entry(loader, access_keys, 0, from, where, &entry);
    if (!err && !*entry.key.name) err = loader_fail(loader, where, "the name of the key is empty");
    if (!err) err = fetch_secret(loader, where, &entry);
    if (err) return err;
    *key = entry.key;
    if (key->publish_count + key->subscribe_count || key->backup) return 0;
    return loader_fail(loader, where,
                       "key %s permits nothing; give it publish or subscribe patterns, or backup",
                       quote(str_from(key->name)).text);
}

// TAILRACE_ADMIN_KEY: one key that permits everything, for platforms that are configured by their
// environment. TAILRACE_KEY, the key that `pub` and `tail` send, stands for it where it is not
// given; in a shell that talks to a hub it may be set for those only.
#define ADMIN_KEY "TAILRACE_ADMIN_KEY"
#define CLIENT_KEY "TAILRACE_KEY"

static bool is_in_env(const char *name, const char *name_of_file) {
    const char *value = getenv(name), *file = getenv(name_of_file);
    return (value && *value) || (file && *file);
}

static bool is_one_of(const struct auth_key_config *keys, size_t count, const char *secret) {
    for (size_t i = 0; i < count; i++) {
        if (!strcmp(keys[i].secret, secret)) return true;
    }
    return false;
}

// Into keys[count], behind those of the file, if it is given.
static int load_env_key(struct loader *loader, struct auth_key_config *keys, size_t count,
                        bool *given) {
    bool admin = is_in_env(ADMIN_KEY, ADMIN_KEY "_FILE");
    const char *name = admin ? ADMIN_KEY : CLIENT_KEY;
    struct auth_key_config *key = &keys[count];
    *given = admin || is_in_env(CLIENT_KEY, CLIENT_KEY "_FILE");
    if (!*given) return 0;
    *key = (struct auth_key_config){name, NULL, everything, 1, everything, 1, true};
    int err = secret_from_env(loader, name, name, &key->secret);
    if (err || admin) return err;
    // A client's key that the configuration knows permits what the configuration says.
    *given = !is_one_of(keys, count, key->secret);
    if (!*given || count) return 0;
    if (memory_warn(loader->config,
                    CLIENT_KEY " permits everything here, because there are no keys; if that is "
                               "meant, call it " ADMIN_KEY ": " CLIENT_KEY
                               " is what `tailrace pub` and `tail` send")) {
        return loader_no_memory(loader);
    }
    return 0;
}

static int check_table(struct loader *loader, size_t in_file) {
    const struct auth_config *table = &loader->config->auth;
    char path[64] = "anonymous";
    size_t wrong;
    struct report why = {0};
    if (!auth_check_config(table, &wrong, &why)) return 0;
    if (wrong < in_file) {
        snprintf(path, sizeof path, "keys[%zu]", wrong);
    } else if (wrong < table->keys_count) {
        snprintf(path, sizeof path, "%s", table->keys[wrong].name);
    }
    return loader_fail(loader, path, "%s", why.text);
}

static int load_keys(struct loader *loader) {
    struct auth_config *auth = &loader->config->auth;
    size_t count;
    struct auth_key_config *keys = loader_entries(loader, "keys", 1, sizeof *keys, &count);
    if (!keys) return loader_no_memory(loader);
    const struct tree_value *from = tree_first(loader->root, "keys");
    for (size_t i = 0; i < count; i++, from = from->next) {
        int err = load_key(loader, i, from, &keys[i]);
        if (err) return err;
    }
    bool env_key;
    int err = load_env_key(loader, keys, count, &env_key);
    if (!err) err = loader_entry(loader, access_anonymous, 0, loader->root, "", &auth->anonymous);
    if (err) return err;
    auth->keys = keys;
    auth->keys_count = count + (env_key ? 1 : 0);
    auth->open =
        auth->keys_count + auth->anonymous.publish_count + auth->anonymous.subscribe_count == 0;
    return check_table(loader, count);
}

static bool has_inline_secret(const struct loader *loader) {
    const struct tree_value *key = tree_first(loader->root, "keys");
    for (; key; key = key->next) {
        if (tree_find(key, "secret")) return true;
    }
    return false;
}

// A file that holds secrets is nobody else's business.
static int check_file_mode(struct loader *loader) {
    if (!has_inline_secret(loader) || !(loader->file_mode & 0004)) return 0;
    if (memory_warn(loader->config,
                    "every user of this machine can read the secrets in %s; chmod o-r, or use "
                    "secret_file",
                    loader->file)) {
        return loader_no_memory(loader);
    }
    return 0;
}

// What a script can put into a header has one byte for each character, what is in a file has more.
static int check_characters(struct loader *loader) {
    const struct auth_config *auth = &loader->config->auth;
    for (size_t i = 0; i < auth->keys_count; i++) {
        const char *c = auth->keys[i].secret;
        while (*c && (unsigned char)*c < 0x80) c++;
        if (*c && memory_warn(loader->config,
                              "key %s: the secret has characters beyond ASCII, which browsers do "
                              "not send in a header as they are; it is good percent-encoded in "
                              "?key= only",
                              quote(str_from(auth->keys[i].name)).text)) {
            return loader_no_memory(loader);
        }
    }
    return 0;
}

int access_load(struct loader *loader) {
    int err = load_keys(loader);
    if (!err) err = check_characters(loader);
    if (!err) err = check_file_mode(loader);
    return err;
}
