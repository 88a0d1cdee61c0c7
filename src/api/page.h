// SPDX-License-Identifier: MIT
// The page and its files (web/), as a browser asks for them.
#ifndef TAILRACE_API_PAGE_H
#define TAILRACE_API_PAGE_H

#include "http/exchange.h"

// Answers with the page. It is served at many addresses: at / and at that of every topic.
void page_answer(struct exchange *exchange);

#endif
