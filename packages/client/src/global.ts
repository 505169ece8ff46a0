// For pages with plain script tags: `window.Milepost`, with `window.MilepostError`
// and `window.isTerminal` beside it.

import { isTerminal, Milepost, MilepostError } from "./index.js";

Object.assign(globalThis, { Milepost, MilepostError, isTerminal });
