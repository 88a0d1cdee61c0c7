// SPDX-License-Identifier: MIT
// A shared log, simulated: an engine that takes what journals append and keeps it in one order, and
// everything that goes wrong on the way to it and back: delay, loss of a record or of its
// acknowledgement, duplicates, refusal of one record while the next gets in, a leader that pauses,
// records of a process that is gone arriving late. What happens follows from a seed.
//
// And engines that lie: that forget what they had taken, give something else in its place, leave a
// hole, or show their clients different things.
#ifndef TEST_JOURNAL_SIM_LOG_H
#define TEST_JOURNAL_SIM_LOG_H

#include "base/random.h"
#include "log/log.h"

#define SIM_LOGS_MAX 8
#define SIM_EPOCH "simulated"
// An entry's events have the seqs from position << 13 on (doc/JOURNAL.md, "The log").
#define SIM_SEQ_BITS 13

enum sim_lie {
    SIM_HONEST,
    SIM_REWOUND,  // the last entries are gone, others will come in their place
    SIM_REPLACED, // an entry has other bytes, and a checksum that fits them
    SIM_HOLE,     // an entry is missing
    SIM_DIFFERS,  // one client is shown another entry than the others
};

struct sim_engine;
struct sim_engine *sim_engine_new(uint64_t seed);
void sim_engine_free(struct sim_engine *engine);
// Time passes for the engine: records arrive, a pause begins or ends.
void sim_engine_step(struct sim_engine *engine);
// From now on nothing goes wrong any more, and what is under way arrives.
void sim_engine_calm(struct sim_engine *engine);
void sim_engine_lie(struct sim_engine *engine, enum sim_lie lie);
uint64_t sim_engine_last(const struct sim_engine *engine);

// What a process has of the log: client `number` of SIM_LOGS_MAX. After a crash of the process it
// is opened again; what the old one had under way may still arrive.
struct log *sim_log_open(struct sim_engine *engine, unsigned number);

#endif
