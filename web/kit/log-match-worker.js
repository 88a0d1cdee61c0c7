// SPDX-License-Identifier: MIT
// The thread in which regular expressions run; see log-match.js. It can be ended, the page cannot.
import { rangesIn, workerMain } from './log-match.js';

workerMain(rangesIn);
