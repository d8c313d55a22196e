// SPDX-License-Identifier: Apache-2.0
// All tests of the console, one after another in one browser. run_console.py calls it.

import { after, before } from "node:test";
import { start, stop } from "./lib.mjs";

before(start);
after(stop);

await import("./screens.mjs");
await import("./sign_in.mjs");
await import("./work.mjs");
await import("./keyboard.mjs");
await import("./injection.mjs");
await import("./places.mjs");
await import("./scale.mjs");
