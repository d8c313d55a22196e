// SPDX-License-Identifier: Apache-2.0
// Columns of a service, read from its Swagger document.

/** {inputs, outputs}: [{name, type, levels, required, example}] of a realtime service's frames. */
export function columnsOf(swagger) {
  const frame = (definition, parameter) => {
    const whole = swagger.definitions?.[definition];
    const top = whole?.properties?.[parameter];
    const schema = top?.$ref ? swagger.definitions[top.$ref.split("/").pop()] : top;
    return { schema: schema || {}, example: whole?.example?.[parameter] || schema?.example || {} };
  };
  const read = ({ schema, example }) => Object.entries(schema.properties || {}).map(([name, property]) => {
    const items = property.items || property;
    const first = Array.isArray(example[name]) ? example[name][0] : example[name];
    return { name, type: items.type || "string", levels: items.enum || null, required: (schema.required || []).includes(name), example: first ?? null };
  });
  return { inputs: read(frame("InputParameters", "inputData")), outputs: read(frame("OutputParameters", "outputData")) };
}

export function typeLabel(column) {
  if (!column.type) return "";
  if (column.levels) return `${column.levels.length} levels`;
  return { numeric: "number", logical: "true or false", character: "text", number: "number", integer: "whole number", boolean: "true or false", string: "text" }[column.type] || column.type;
}

/** A text cell as the column's JSON value; empty is missing. Throws when it is no such value. */
export function toValue(column, text) {
  if (text === "") return null;
  if (column.type === "number" || column.type === "integer") {
    const value = Number(text);
    if (Number.isNaN(value)) throw new Error(`'${text}' is not a number`);
    if (column.type === "integer" && !Number.isInteger(value)) throw new Error(`'${text}' is not a whole number`);
    return value;
  }
  if (column.type === "boolean") {
    if (/^(true|false)$/i.test(text)) return /^true$/i.test(text);
    throw new Error(`'${text}' is not true or false`);
  }
  return text;
}

/** Rows of texts as the request's columns. */
export function toRequest(columns, rows) {
  const frame = {};
  for (const [j, column] of columns.entries()) frame[column.name] = rows.map((row) => toValue(column, row[j] ?? ""));
  return { inputData: frame };
}
