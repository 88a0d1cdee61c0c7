// SPDX-License-Identifier: MIT
// What journals go through while their disk is recorded: for the tests of power cuts.
#ifndef TEST_JOURNAL_SCENARIOS_H
#define TEST_JOURNAL_SCENARIOS_H

#include "journal/journal.h"

enum scenario_start {
    START_EMPTY, // there is no journal yet
    START_SAME,  // a journal is there and goes on
    START_COPY,  // data.mdb is an older copy: it must get another epoch
};

struct scenario {
    const char *name;
    enum scenario_start start;
    // How many cuts are tried, in percent of those of others. 0: as many.
    unsigned percent;
    // How often the process is killed and started again.
    unsigned kills;
    // This last page of a commit answers EIO, though it may arrive. 0: none.
    unsigned failing_page;
    // With a map and a policy; the directory comes later.
    struct journal_config config;
    // It finds what a cut somewhere in this one has left.
    const struct scenario *before;
    // Puts a journal to `dir`, which does not exist. NULL: nothing is there.
    void (*prepare)(const char *dir);
    // In the process that is recorded.
    void (*run)(const struct journal_config *config);
};

extern const struct scenario scenario_creation, scenario_commits, scenario_crowd,
    scenario_checkpoint, scenario_trimming, scenario_growth, scenario_room, scenario_migration,
    scenario_copy, scenario_kills, scenario_failure, scenario_again;

// For the process that checks: one event, answered. Returns the result; nothing is noted.
int scenario_publish(struct journal *journal, struct publish *publish, struct str topic,
                     struct str key, uint8_t flags) MUST_CHECK;

#endif
