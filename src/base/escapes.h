// SPDX-License-Identifier: MIT
// Text without the escape sequences of terminals (ECMA-48 5.3 to 5.6, and xterm's OSC): control
// sequences with any final character, command strings (OSC, DCS, APC, PM, SOS), other sequences
// that begin with ESC, and SO and SI, which switch to another set of characters. The 8-bit forms of
// them are characters of UTF-8 and stay.
//
// A sequence that is cut off ends where it cannot go on. A command string that has no end goes to
// the next escape character or the end of the line. The page reads text in the same way
// (web/kit/ansi.js); test/data/escapes.json is what both are tested by.
#ifndef TAILRACE_BASE_ESCAPES_H
#define TAILRACE_BASE_ESCAPES_H

#include <stdbool.h>

#include "base/str.h"

// Whether there is anything to leave out.
bool escapes_are_in(struct str text);
// Copies the text without them; how many bytes that is, at most text.len. What is valid UTF-8 stays
// it. `out` may be text.ptr.
size_t escapes_strip(char *out, struct str text);

#endif
