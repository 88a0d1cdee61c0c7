// SPDX-License-Identifier: MIT
// The SharedWorker that has the connections of all tabs of an origin.
import { serveTabs } from './hub-links.js';

serveTabs();
