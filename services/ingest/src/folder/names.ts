/** By name alone, as the file is not opened for this; what it really is, the engine finds out. */
const imageExtensions: ReadonlySet<string> = new Set(
  'jpg jpeg jpe jfif png webp tif tiff gif avif'.split(' ').map((extension) => `.${extension}`),
);

/** Folders that servers and systems keep for themselves: recycle bins, thumbnails, what Macs add to archives. */
const foreignFolders: ReadonlySet<string> = new Set([
  '@eadir',
  '#recycle',
  '#snapshot',
  '$recycle.bin',
  'system volume information',
  'lost+found',
  '__macosx',
]);

/**
 * Whether a file of this name is taken. Copying programs, browsers and office programs write under another name first:
 * with a dot or a tilde before it, or with another extension.
 */
export function isImageName(name: string): boolean {
  if (isHidden(name)) return false;
  return imageExtensions.has(name.slice(name.lastIndexOf('.')).toLowerCase());
}

export function isInboxFolderName(name: string): boolean {
  return !isHidden(name) && !foreignFolders.has(name.toLowerCase());
}

function isHidden(name: string): boolean {
  return name.startsWith('.') || name.startsWith('~');
}
