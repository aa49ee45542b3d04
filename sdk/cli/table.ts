/**
 * Columns of equal width, two spaces between them, for a terminal as for a pipe. What a host has named is printed so
 * that it cannot steer the terminal.
 */
export function printTable(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const lines = [head, ...rows].map((cells) => cells.map(printable));
  const widths = head.map((_, column) => Math.max(...lines.map((cells) => widthOf(cells[column]))));
  return lines
    .map((cells) => `${cells.map((cell, at) => pad(cell, widths[at])).join("  ")}`.trimEnd())
    .join("\n");
}

const widthOf = (cell = ""): number => [...cell].length;

const pad = (cell: string, width = 0): string => cell + " ".repeat(width - widthOf(cell));

/** Of a text of several lines, every one as it can be printed; those after the first indented. */
export function printLines(text: string, indent = ""): string {
  return text.split("\n").map(printable).join(`\n${indent}`);
}

/** Line breaks, escapes and the like as JSON writes them. */
function printable(text: string): string {
  return text.replace(/\p{Cc}/gu, (character) => {
    const code = character.charCodeAt(0);
    return code < 32 ? JSON.stringify(character).slice(1, -1) : `\\u${code.toString(16).padStart(4, "0")}`;
  });
}

export function printJson(value: unknown): string {
  return JSON.stringify(value, null, 2);
}
