/** Longer words are cut, in lines as in queries: Postgres takes no lexeme over 2 KB. */
const maxWordLength = 64;
const maxQueryWords = 32;

/**
 * Words as both databases index them: case and accents are gone, compatibility forms are unified, and whatever is neither
 * letter nor digit separates. Scripts that put no spaces between words are split into characters.
 */
export function foldWords(text: string): string[] {
  // What the rest comes to for most lines, in a tenth of the time.
  if (isAscii.test(text)) return (text.toLowerCase().match(/[a-z0-9]+/g) ?? []).map(cut);
  return splitFolded(foldText(text)).map(({ word }) => word);
}

/** The text without case, accents and compatibility forms; words and what separates them stay in their places. */
export function foldText(text: string): string {
  if (isAscii.test(text)) return text.toLowerCase();
  return (
    text
      .toWellFormed()
      .normalize('NFKD')
      .replaceAll(/\p{M}/gu, '')
      .toLowerCase()
      .replaceAll('ß', 'ss')
      // Lower-casing may have made marks anew ("İ").
      .normalize('NFKD')
      .replaceAll(/\p{M}/gu, '')
      .normalize('NFC')
  );
}

/** The words of a folded text, and where each begins in it. */
export function splitFolded(folded: string): { readonly word: string; readonly start: number }[] {
  const words: { word: string; start: number }[] = [];
  for (const run of folded.matchAll(/[\p{L}\p{N}]+/gu)) {
    for (const part of run[0].matchAll(wordPattern)) words.push({ word: cut(part[0]), start: run.index + part.index });
  }
  return words;
}

function cut(word: string): string {
  return word.length <= maxWordLength ? word : [...word].slice(0, maxWordLength).join('');
}

const isAscii = /^[\0-\x7F]*$/;
const unspaced = String.raw`\p{Script_Extensions=Han}\p{Script_Extensions=Hiragana}\p{Script_Extensions=Katakana}\p{Script_Extensions=Thai}\p{Script_Extensions=Lao}\p{Script_Extensions=Khmer}\p{Script_Extensions=Myanmar}`;
const wordPattern = new RegExp(`[${unspaced}]|[^${unspaced}]+`, 'gu');

/** The words of a query; the last one may be the beginning of a word. Empty: nothing can match. */
export function queryWords(text: string): string[] {
  return foldWords(text).slice(0, maxQueryWords);
}
