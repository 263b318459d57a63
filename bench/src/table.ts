/** Lays rows out in columns: the first to the left, the others to the right. The first row is the header. */
export function formatTable(rows: readonly (readonly string[])[]): string {
  const widths: number[] = [];
  for (const row of rows) for (const [i, cell] of row.entries()) widths[i] = Math.max(widths[i] ?? 0, cell.length);
  const lines = rows.map((row) =>
    row
      .map((cell, i) => (i === 0 ? cell.padEnd(widths[i] ?? 0) : cell.padStart(widths[i] ?? 0)))
      .join('  ')
      .trimEnd(),
  );
  const rule = widths.map((width) => '─'.repeat(width)).join('──');
  return `${[lines[0] ?? '', rule, ...lines.slice(1)].join('\n')}\n`;
}

export function fixed(value: number | undefined, decimals: number): string {
  return value === undefined || Number.isNaN(value) ? '–' : value.toFixed(decimals);
}

/** Bytes as whole megabytes (10⁶). */
export function megabytes(bytes: number): string {
  return fixed(bytes / 1e6, 0);
}
