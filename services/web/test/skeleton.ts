/**
 * The elements of a page with the names of their attributes, in order. Whatever texts a page is given, its skeleton must
 * stay the same: then all of them are text.
 */
export function skeletonOf(page: string): string[] {
  return [...page.matchAll(/<([!/]?[a-zA-Z][^\s/>]*)((?:[^>"']|"[^"]*"|'[^']*')*)>/g)].map(([, name = '', rest = '']) =>
    [name, ...attributeNames(rest)].join(' '),
  );
}

function attributeNames(text: string): string[] {
  return [...text.matchAll(/([^\s=/"']+)(?:="[^"]*")?/g)].map(([, name = '']) => name);
}
