// SPDX-License-Identifier: MIT
// A value of the user's within a message.
#ifndef TAILRACE_BASE_QUOTE_H
#define TAILRACE_BASE_QUOTE_H

#include "base/str.h"

struct quoted {
    char text[96];
};

// The text in double quotes, cut after about 80 bytes and never within a character; control
// characters become question marks. For a message of one line: quote(text).text
struct quoted quote(struct str text);

#endif
