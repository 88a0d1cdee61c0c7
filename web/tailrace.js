// SPDX-License-Identifier: MIT
// The client script at the hub's root: import { connect } from 'http://HUB/tailrace.js'
export * from './kit/tailrace.js';
