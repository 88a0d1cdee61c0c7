// SPDX-License-Identifier: MIT
// The life of a loaded configuration: releasing it, and whether a reload may put another in its
// place.
#include "config/config.h"

#include <stdlib.h>

#include "base/option.h"
#include "config/memory.h"
#include "config/schema.h"

void config_free(struct config *config) {
    if (!config) return;
    memory_free(config);
    free(config);
}

int config_check_reload(const struct config *running, const struct config *next,
                        struct report *report) {
    for (const struct option_row *row = schema_hub; row->path; row++) {
        if (!row->restart || option_same(row, running, next)) continue;
        return report_set(report, ERR_INVALID,
                          "%s has changed: that needs a restart; nothing was reloaded", row->path);
    }
    return 0;
}
