// SPDX-License-Identifier: Apache-2.0
// Where the interface is: the console lies at <mount>/console/, the interface at <mount>/.

export const base = new URL("..", document.baseURI).href.replace(/\/$/, "");
