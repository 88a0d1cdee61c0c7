// SPDX-License-Identifier: MIT
// A value of the user's within a message.
#include "base/quote.h"

#include <stdio.h>

#include "base/utf8.h"

struct quoted quote(struct str text) {
    struct quoted quoted;
    struct str cut = utf8_cut(text, 80);
    snprintf(quoted.text, sizeof quoted.text, "\"%.*s%s\"", STR_ARG(cut),
             cut.len < text.len ? "…" : "");
    for (char *c = quoted.text; *c; c++) {
        if ((unsigned char)*c < ' ' || *c == 0x7F) *c = '?';
    }
    return quoted;
}
