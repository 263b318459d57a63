/** A name for a download made of what its sender called the picture: letters, digits, dots and dashes, nothing else. */
export function downloadName(sources: readonly string[], { id, extension }: { id: string; extension: string }): string {
  const last = (sources[0] ?? '').split(/[\\/]/).findLast((part) => part !== '') ?? '';
  const plain = last
    .normalize('NFKD')
    .replaceAll(/\p{M}/gu, '')
    .replaceAll(/[^A-Za-z0-9._-]+/g, '_')
    .replaceAll(/^[._-]+|[._-]+$/g, '')
    .slice(0, 80);
  return `${plain === '' ? id : plain}.${extension}`;
}
