// SPDX-License-Identifier: MIT
// Keys, anonymous access and origins of the configuration. A secret goes into the access table and nowhere else: no message shows one.
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/limits.h"
#include "base/topic.h"
#include "config/config_priv.h"
#include "http/cors.h"

static const char *const everything[] = {"**"};

int config_read_file(struct config *config, const char *path, size_t max, struct str *out,
                     unsigned *mode, struct report *report) {
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) {
        return report_errno(report, errno == EACCES ? ERR_DENIED : ERR_NOT_FOUND, "cannot open %s",
                            path);
    }
    char *text = NULL;
    size_t len = 0;
    struct stat stat;
    int err = 0;
    if (fstat(fd, &stat)) {
        err = report_errno(report, ERR_IO, "cannot read %s", path);
        goto out;
    }
    text = config_alloc(config, max + 1);
    if (!text) {
        err = report_set(report, ERR_NOMEM, "no memory to read %s", path);
        goto out;
    }
    while (len <= max) {
        ssize_t got = read(fd, text + len, max + 1 - len);
        if (got < 0 && errno == EINTR) continue;
        if (got < 0) {
            err = report_errno(report, ERR_IO, "cannot read %s", path);
            goto out;
        }
        if (got == 0) break;
        len += (size_t)got;
    }
    if (len > max) {
        err = report_set(report, ERR_INVALID, "%s is longer than %zu bytes", path, max);
        goto out;
    }
    *mode = (unsigned)stat.st_mode & 07777;
    *out = (struct str){text, len};
out:
    close(fd);
    return err;
}

// The secret in a file: all of it without the newline at its end.
static int secret_from_file(struct config_loader *loader, const char *where, const char *path,
                            const char **out) {
    struct report why = {0};
    struct str text;
    unsigned mode;
    if (config_read_file(loader->config, path, LIMIT_SECRET_BYTES, &text, &mode, &why)) {
        return config_fail(loader, where, "%s", why.text);
    }
    if (text.len && text.ptr[text.len - 1] == '\n') text.len--;
    if (text.len && text.ptr[text.len - 1] == '\r') text.len--;
    if (memchr(text.ptr, 0, text.len)) {
        return config_fail(loader, where, "%s has a NUL byte, that is no secret to type", path);
    }
    if (mode & 0004 &&
        config_warn(loader->config,
                    "%s: everybody on this machine can read the secret in %s; chmod o-r", where,
                    path)) {
        return config_no_memory(loader);
    }
    *out = config_copy(loader->config, text);
    return *out ? 0 : config_no_memory(loader);
}

// The variable, or the file that the variable with _FILE at its end names.
static int secret_from_env(struct config_loader *loader, const char *where, const char *name,
                           const char **out) {
    const char *value = getenv(name);
    if (value && *value) {
        *out = config_copy(loader->config, str_from(value));
        return *out ? 0 : config_no_memory(loader);
    }
    char file[280];
    snprintf(file, sizeof file, "%.256s_FILE", name);
    const char *path = getenv(file);
    if (path && *path) return secret_from_file(loader, where, path, out);
    return config_fail(loader, where, "neither %s nor %s is set in the environment", name, file);
}

static int load_patterns(struct config_loader *loader, const char *where, const char *name,
                         const struct raw_list *list, const char *const **out, size_t *count) {
    const char **copy = config_alloc(loader->config, (list->count + 1) * sizeof *copy);
    if (!copy) return config_no_memory(loader);
    for (uint32_t i = 0; i < list->count; i++) {
        struct report why = {0};
        struct pattern pattern;
        if (pattern_read(&pattern, str_from(list->items[i]), &why)) {
            char path[128];
            snprintf(path, sizeof path, "%s.%s[%u]", where, name, i);
            return config_fail(loader, path, "%s; for example builds/** or logs/*", why.text);
        }
        copy[i] = config_copy(loader->config, str_from(list->items[i]));
        if (!copy[i]) return config_no_memory(loader);
    }
    *out = copy;
    *count = list->count;
    return 0;
}

static int load_key(struct config_loader *loader, uint32_t index, struct auth_key_config *key) {
    const struct raw_key *raw = &loader->raw->keys[index];
    char where[64], path[96];
    snprintf(where, sizeof where, "keys[%u]", index);
    if (!raw->name || !*raw->name) {
        return config_fail(loader, where, "a key needs a name, for example name: ci");
    }
    int given = !!raw->secret + !!raw->secret_file + !!raw->secret_env;
    if (given != 1) {
        return config_fail(loader, where,
                           "key %s needs exactly one of secret, secret_file and secret_env",
                           config_quote(str_from(raw->name)).text);
    }
    key->name = config_copy(loader->config, str_from(raw->name));
    if (!key->name) return config_no_memory(loader);
    int err = 0;
    if (raw->secret) {
        key->secret = config_copy(loader->config, str_from(raw->secret));
        if (!key->secret) return config_no_memory(loader);
    } else if (raw->secret_file) {
        snprintf(path, sizeof path, "%s.secret_file", where);
        err = secret_from_file(loader, path, raw->secret_file, &key->secret);
    } else {
        snprintf(path, sizeof path, "%s.secret_env", where);
        err = secret_from_env(loader, path, raw->secret_env, &key->secret);
    }
    if (err) return err;
    err =
        load_patterns(loader, where, "publish", &raw->publish, &key->publish, &key->publish_count);
    if (err) return err;
    err = load_patterns(loader, where, "subscribe", &raw->subscribe, &key->subscribe,
                        &key->subscribe_count);
    if (err) return err;
    if (key->publish_count + key->subscribe_count == 0) {
        return config_fail(loader, where,
                           "key %s permits nothing; give it publish or subscribe patterns",
                           config_quote(str_from(raw->name)).text);
    }
    return 0;
}

// TAILRACE_KEY: one key that permits everything, for platforms that are configured by their environment.
static int load_env_key(struct config_loader *loader, struct auth_key_config *key, bool *given) {
    const char *value = getenv("TAILRACE_KEY"), *file = getenv("TAILRACE_KEY_FILE");
    *given = (value && *value) || (file && *file);
    if (!*given) return 0;
    *key = (struct auth_key_config){"TAILRACE_KEY", NULL, everything, 1, everything, 1};
    return secret_from_env(loader, "TAILRACE_KEY", "TAILRACE_KEY", &key->secret);
}

// Secrets and names are judged by auth_new. What it refuses with n keys it refuses with more, so that halving finds the entry.
static int check_table(struct config_loader *loader, size_t in_file) {
    struct auth_config table = loader->config->auth;
    struct auth *auth;
    struct report why = {0};
    int err = auth_new(&auth, &table, &why);
    if (!err) {
        auth_free(auth);
        return 0;
    }
    if (err == ERR_NOMEM) return config_no_memory(loader);
    size_t good = 0, bad = table.keys_count;
    while (bad - good > 1) {
        table.keys_count = good + (bad - good) / 2;
        if (auth_new(&auth, &table, NULL)) {
            bad = table.keys_count;
        } else {
            auth_free(auth);
            good = table.keys_count;
        }
    }
    char path[64] = "TAILRACE_KEY";
    if (bad <= in_file) snprintf(path, sizeof path, "keys[%zu]", bad - 1);
    return config_fail(loader, path, "%s", why.text);
}

static int load_keys(struct config_loader *loader) {
    const struct raw_config *raw = loader->raw;
    struct auth_config *auth = &loader->config->auth;
    struct auth_key_config *keys =
        config_alloc(loader->config, (raw->keys_count + 1) * sizeof *keys);
    if (!keys) return config_no_memory(loader);
    for (uint32_t i = 0; i < raw->keys_count; i++) {
        int err = load_key(loader, i, &keys[i]);
        if (err) return err;
    }
    bool env_key;
    int err = load_env_key(loader, &keys[raw->keys_count], &env_key);
    if (err) return err;
    auth->keys = keys;
    auth->keys_count = raw->keys_count + (env_key ? 1 : 0);
    if (raw->anonymous) {
        err = load_patterns(loader, "anonymous", "publish", &raw->anonymous->publish,
                            &auth->anonymous.publish, &auth->anonymous.publish_count);
        if (err) return err;
        err = load_patterns(loader, "anonymous", "subscribe", &raw->anonymous->subscribe,
                            &auth->anonymous.subscribe, &auth->anonymous.subscribe_count);
        if (err) return err;
    }
    auth->open =
        auth->keys_count + auth->anonymous.publish_count + auth->anonymous.subscribe_count == 0;
    return check_table(loader, raw->keys_count);
}

static int check_origin(struct config_loader *loader, const char *path, const char *origin) {
    struct cors *cors;
    struct report why = {0};
    int err = cors_new(&cors, &origin, 1, &why);
    if (err) return config_fail(loader, path, "%s", why.text);
    cors_free(cors);
    return 0;
}

// From the file, or from TAILRACE_ORIGINS, where they stand between commas or spaces.
static int load_origins(struct config_loader *loader) {
    struct config *config = loader->config;
    const char *env = getenv("TAILRACE_ORIGINS");
    bool from_env = env && *env;
    struct str rest = str_from(from_env ? env : NULL);
    size_t most = loader->raw->origins.count;
    if (from_env) {
        most = 1;
        for (const char *c = env; *c; c++) most += *c == ',' || *c == ' ';
        if (most > LIMIT_CONFIG_ENTRIES) {
            return config_fail(loader, "TAILRACE_ORIGINS", "more than %d entries",
                               LIMIT_CONFIG_ENTRIES);
        }
    }
    const char **origins = config_alloc(config, (most + 1) * sizeof *origins);
    if (!origins) return config_no_memory(loader);
    size_t count = 0;
    for (size_t i = 0; from_env ? rest.ptr != NULL : i < most; i++) {
        struct str origin;
        char path[48] = "TAILRACE_ORIGINS";
        if (from_env) {
            size_t len = strcspn(rest.ptr, ", ");
            origin = (struct str){rest.ptr, len};
            rest = rest.ptr[len] ? str_from(rest.ptr + len + 1) : (struct str){NULL, 0};
            if (len == 0) continue;
        } else {
            snprintf(path, sizeof path, "origins[%zu]", i);
            origin = str_from(loader->raw->origins.items[i]);
        }
        origins[count] = config_copy(config, origin);
        if (!origins[count]) return config_no_memory(loader);
        int err = check_origin(loader, path, origins[count++]);
        if (err) return err;
    }
    config->origins = origins;
    config->origins_count = count;
    return 0;
}

// A file that holds secrets is nobody else's business.
static int check_file_mode(struct config_loader *loader) {
    struct stat stat_of_file;
    bool inline_secret = false;
    for (uint32_t i = 0; i < loader->raw->keys_count; i++) {
        inline_secret |= loader->raw->keys[i].secret != NULL;
    }
    if (!inline_secret || stat(loader->file, &stat_of_file) || !(stat_of_file.st_mode & 0004)) {
        return 0;
    }
    if (config_warn(loader->config,
                    "everybody on this machine can read the secrets in %s; chmod o-r, or use "
                    "secret_file",
                    loader->file)) {
        return config_no_memory(loader);
    }
    return 0;
}

int config_load_access(struct config_loader *loader) {
    int err = load_keys(loader);
    if (!err) err = load_origins(loader);
    if (!err && loader->file) err = check_file_mode(loader);
    return err;
}
