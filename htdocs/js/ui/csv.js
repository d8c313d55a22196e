// SPDX-License-Identifier: Apache-2.0
// CSV as RFC 4180 has it.

/** Rows of texts. Throws with the line where a quote is not closed. */
export function parse(text) {
  const rows = [];
  let row = [], value = "", quoted = false, line = 1, opened = 0;
  text = text.replace(/^\ufeff/, "");
  for (let i = 0; i < text.length; i += 1) {
    const c = text[i];
    if (quoted) {
      if (c === '"' && text[i + 1] === '"') { value += '"'; i += 1; }
      else if (c === '"') quoted = false;
      else { value += c; if (c === "\n") line += 1; }
    } else if (c === '"' && value === "") { quoted = true; opened = line; }
    else if (c === ",") { row.push(value); value = ""; }
    else if (c === "\n" || c === "\r") {
      if (c === "\r" && text[i + 1] === "\n") i += 1;
      row.push(value); rows.push(row); row = []; value = ""; line += 1;
    } else value += c;
  }
  if (quoted) throw new Error(`The quote opened in line ${opened} is not closed.`);
  if (value !== "" || row.length) { row.push(value); rows.push(row); }
  return rows.filter((r) => r.length > 1 || r[0] !== "");
}

function quote(value) {
  const text = value === null || value === undefined ? "" : String(value);
  return /[",\r\n]/.test(text) ? `"${text.replace(/"/g, '""')}"` : text;
}

export function write(rows) {
  return rows.map((row) => row.map(quote).join(",")).join("\n") + "\n";
}

/** A spreadsheet runs cells that begin like a formula; hostile texts must not. */
export function writeForSpreadsheet(rows) {
  return write(rows.map((row) => row.map((v) => (typeof v === "string" && /^[=+\-@\t\r]/.test(v) && Number.isNaN(Number(v)) ? `'${v}` : v))));
}

export function saveBlob(name, blob) {
  const url = URL.createObjectURL(blob);
  const link = document.createElement("a");
  link.href = url;
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(url), 10000);
}

export function download(name, text, type = "text/csv") {
  saveBlob(name, new Blob([text], { type }));
}
